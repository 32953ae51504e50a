/**
 * The simulation as one file, for the threads that play it: a loader that compiles file by file names
 * each function anew whenever it is made (`keepNames`), which costs a quarter of an idle cluster's time.
 * It lies inside the project, so that packages are found from there; what stands in it names it, so that
 * runs at the same time do not meet.
 */
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const folder = fileURLToPath(new URL('../../.cache/simulation/', import.meta.url))
/** Nobody starts a thread from one so long after it was made. */
const keptMs = 24 * 3_600_000

/** @param entry a file of this folder */
export async function bundled(entry: string): Promise<URL> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(entry, import.meta.url))],
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    write: false,
  })
  const { contents } = outputFiles[0]!
  const name = createHash('sha256').update(contents).digest('hex').slice(0, 16)
  const path = join(folder, `${name}.mjs`)
  mkdirSync(folder, { recursive: true })
  prune()
  if (!existsSync(path)) {
    writeFileSync(`${path}.${process.pid}`, contents)
    renameSync(`${path}.${process.pid}`, path)
  }
  return pathToFileURL(path)
}

function prune(): void {
  for (const name of readdirSync(folder)) {
    const { mtimeMs } = statSync(join(folder, name), { throwIfNoEntry: false }) ?? {}
    if (mtimeMs !== undefined && Date.now() - mtimeMs > keptMs) {
      rmSync(join(folder, name), { force: true })
    }
  }
}
