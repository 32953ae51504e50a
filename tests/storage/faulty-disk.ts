/** A disk whose process dies at one of its calls: that call and all later ones fail. */
import type { Disk } from '../../runtime/disk/disk.ts'
import { nodeDisk } from '../../runtime/disk/node-disk.ts'

export function faultyDisk() {
  let left = Number.POSITIVE_INFINITY
  let calls = 0

  const counted =
    <Args extends unknown[], T>(act: (...args: Args) => T) =>
    (...args: Args): T => {
      calls++
      if (left-- <= 0) throw Object.assign(new Error('EIO'), { code: 'EIO' })
      return act(...args)
    }
  const disk: Disk = {
    ...nodeDisk,
    open: counted(nodeDisk.open),
    write: counted(nodeDisk.write),
    truncate: counted(nodeDisk.truncate),
    rename: counted(nodeDisk.rename),
    unlink: counted(nodeDisk.unlink),
    writeFile: counted(nodeDisk.writeFile),
    sync: counted(nodeDisk.sync),
    syncDirectory: counted(nodeDisk.syncDirectory),
    datasync: async (fd) => counted(nodeDisk.datasync)(fd),
    datasyncDirectory: async (path) => counted(nodeDisk.datasyncDirectory)(path),
    removeTree: async (path) => counted(nodeDisk.removeTree)(path),
  }
  return {
    disk,
    /** So many calls succeed from now on. */
    dieAfter(more: number) {
      left = more
    },
    heal() {
      left = Number.POSITIVE_INFINITY
    },
    /** What may die: each is a call that changes what is on disk. */
    calls: () => calls,
  }
}
