/**
 * The data folder of an embedded cluster: a folder for each node, and beside them a file that says
 * how many there are of which kind. Started with another number it would wait for voters that never
 * come, so that is refused before anything is written.
 */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readProperties } from './config/properties.ts'
import { UserError } from './config/user-error.ts'
import { nodeDisk } from './disk/node-disk.ts'
import { readMetaProperties } from './storage/meta-properties.ts'

export type Layout = { brokers: number; controllers: number }

const fileName = 'embedded.properties'

/** @throws UserError when it holds another cluster; the system's error when it is no folder */
export function claimFolder(folder: string, layout: Layout): void {
  const file = join(folder, fileName)
  mkdirSync(folder, { recursive: true })
  const isFormatted = (name: string) =>
    readMetaProperties(nodeDisk, join(folder, name)) !== undefined
  const nodes = readdirSync(folder).filter((name) => /^node-\d+$/.test(name) && isFormatted(name))
  if (nodes.length === 0) {
    writeFileSync(file, `brokers=${layout.brokers}\ncontrollers=${layout.controllers}\n`)
    return
  }
  const held = existsSync(file) ? heldBy(readProperties(file)) : nodes.sort().join(', ')
  if (held === described(layout)) {
    const missing = layout.brokers + layout.controllers - nodes.length
    if (missing > 0) {
      throw new UserError(`${folder} lacks the folders of ${missing} nodes; choose another folder`)
    }
    return
  }
  throw new UserError(
    `${folder} holds a cluster of ${held}, not ${described(layout)}; start it with the options it was made with, or choose another folder`,
  )
}

const heldBy = (file: Map<string, string>): string =>
  described({ brokers: Number(file.get('brokers')), controllers: Number(file.get('controllers')) })

const several = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`

/** In words. */
export const described = ({ brokers, controllers }: Layout): string =>
  controllers === 0
    ? several(brokers, 'combined node')
    : `${several(controllers, 'controller')} and ${several(brokers, 'broker')}`
