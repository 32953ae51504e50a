/**
 * The simulation as one file, for the threads and processes that play it: a loader that compiles file by
 * file takes seconds for that at each start, and names each function anew whenever it is made
 * (`keepNames`), which costs a quarter of an idle cluster's time.
 */
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build, type Plugin } from 'esbuild'
import type { Patch } from './mutants/mutant.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const here = fileURLToPath(new URL('.', import.meta.url))
const folder = join(root, '.cache/simulation')
/** Nobody starts a thread from one so long after it was made. */
const keptMs = 24 * 3_600_000

/**
 * @param entry a module's text, with imports as from this folder
 * @throws where a patch does not fit exactly once
 */
export async function bundle(entry: string, patches: readonly Patch[] = []): Promise<Uint8Array> {
  const { outputFiles } = await build({
    stdin: { contents: entry, resolveDir: here, loader: 'ts' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    plugins: patches.length > 0 ? [patching(patches)] : [],
    logLevel: 'silent',
    write: false,
  })
  return outputFiles[0]!.contents
}

/** Files are patched on their way in. */
const patching = (patches: readonly Patch[]): Plugin => ({
  name: 'patches',
  setup(of) {
    of.onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const fitting = patches.filter(({ file }) => file === relative(root, path))
      if (fitting.length === 0) return undefined
      let contents = readFileSync(path, 'utf8')
      for (const { file, find, replace } of fitting) {
        if (contents.split(find).length !== 2) {
          throw new Error(`the patch of ${file} does not fit: ${find}`)
        }
        contents = contents.replace(find, () => replace)
      }
      return { contents, loader: 'ts' }
    })
  },
})

/**
 * Written where a thread can load it: inside the project, so that packages are found from there; what
 * stands in it names it, so that runs at the same time do not meet.
 */
export async function bundleFile(entry: string): Promise<URL> {
  const contents = await bundle(entry)
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
