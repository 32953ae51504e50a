/**
 * A loader that patches files on their way in: `node --import patch.mjs --import tsx/esm ...`, with the
 * patches in MUTANT. It runs beneath tsx, so it sees files as they were written.
 */
import { register } from 'node:module'
import { isMainThread } from 'node:worker_threads'

const patches = JSON.parse(process.env.MUTANT ?? '[]')

if (isMainThread && patches.length > 0) register(import.meta.url)

export async function load(url, context, next) {
  const loaded = await next(url, context)
  const fitting = patches.filter(({ file }) => url.endsWith(`/${file}`))
  if (fitting.length === 0) return loaded
  let source = String(loaded.source)
  for (const { file, find, replace } of fitting) {
    if (source.split(find).length !== 2)
      throw new Error(`the patch of ${file} does not fit: ${find}`)
    source = source.replace(find, () => replace)
  }
  return { ...loaded, source }
}
