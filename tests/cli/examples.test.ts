/** The property files and Procfiles that come along: valid, complete, and of one cluster each. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { nodeConfig } from '../../runtime/config/config.ts'
import { readProperties } from '../../runtime/config/properties.ts'

const test = suite('examples')
const root = fileURLToPath(new URL('../..', import.meta.url))

const shapes = readdirSync(join(root, 'examples'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)
const filesOf = (shape: string) =>
  readdirSync(join(root, 'examples', shape)).filter((name) => name.endsWith('.properties'))
const nodesOf = (shape: string) =>
  filesOf(shape).map((name) => nodeConfig(readProperties(join(root, 'examples', shape, name))))

for (const shape of shapes) {
  test(`${shape}: every file is a node, without warnings`, () => {
    for (const [index, node] of nodesOf(shape).entries()) {
      assert.equal(node.warnings, [])
      assert.is(`${node.nodeId}.properties`, filesOf(shape)[index])
    }
  })

  test(`${shape}: ids, folders and ports are each node's own`, () => {
    const nodes = nodesOf(shape)
    const ports = nodes.flatMap(({ listeners }) =>
      [...listeners.broker, ...listeners.controller].map(({ port }) => port),
    )
    const folders = nodes.flatMap(({ logDirs }) => logDirs)
    for (const values of [ports, folders, nodes.map(({ nodeId }) => nodeId)]) {
      assert.is(new Set<unknown>(values).size, values.length)
    }
  })

  test(`${shape}: the controllers' listeners are those that all nodes name`, () => {
    const nodes = nodesOf(shape)
    const controllers = nodes.flatMap(({ listeners }) =>
      listeners.controller.map(({ host, port }) => `${host}:${port}`),
    )
    for (const node of nodes) assert.equal(node.bootstrapServers.sort(), controllers.sort())
  })

  test(`${shape}: its Procfile starts every node, and NATS`, () => {
    const own = join(root, 'examples', shape, 'Procfile')
    const path = shape === 'three-combined' ? join(root, 'Procfile') : own
    const lines = readFileSync(path, 'utf8').trim().split('\n')
    assert.is(lines[0], 'nats: exec examples/run nats')
    const ids = nodesOf(shape).map(({ nodeId }) => `${nodeId}`)
    const expected = ids.map((id) => `node${id}: exec examples/run node ${shape} ${id}`)
    assert.equal(lines.slice(1).sort(), expected.sort())
  })
}

test.run()
