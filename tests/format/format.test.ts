/** What formatting lays down, for one node or a whole cluster, and what it refuses to touch. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type NodeConfig, nodeConfig } from '../../runtime/config/config.ts'
import { parseProperties } from '../../runtime/config/properties.ts'
import { UserError } from '../../runtime/config/user-error.ts'
import { checkFormatted } from '../../runtime/format/check-formatted.ts'
import { readBootstrap, readVoters, VOTERS_CHECKPOINT } from '../../runtime/format/checkpoints.ts'
import { type FormatOptions, formatNodes } from '../../runtime/format/format.ts'

const test = suite('format')

const clusterId = 'AAAAAAAAQACAAAAAAAAAAQ'
let folder = ''
test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), 'samsa-format-'))
})
test.after.each(() => rmSync(folder, { recursive: true }))

function node(id: number, roles = 'broker,controller', extra = ''): NodeConfig {
  const listeners = [
    ...(roles.includes('broker') ? [`PLAINTEXT://127.0.0.1:${9000 + id}`] : []),
    ...(roles.includes('controller') ? [`CONTROLLER://127.0.0.1:${19000 + id}`] : []),
  ]
  const text = `
process.roles=${roles}
node.id=${id}
listeners=${listeners.join(',')}
controller.listener.names=CONTROLLER
log.dirs=${folder}/${id}/a,${folder}/${id}/b
${extra}`
  return nodeConfig(parseProperties(text))
}

const format = (nodes: NodeConfig[], options: FormatOptions = {}) =>
  formatNodes(nodes, { clusterId, ...options }, 1_700_000_000_000)

const votersSeenBy = (of: NodeConfig) =>
  readVoters(readFileSync(join(checkFormatted(of).metadataPath, VOTERS_CHECKPOINT)))

function refused(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    assert.instance(error, UserError)
    const { message } = error as Error
    assert.not.match(message, '\n', 'one line')
    return message
  }
  return 'accepted'
}

test('all nodes at once: the controllers vote, and everybody knows their directory ids', () => {
  const nodes = [node(1), node(2), node(3), node(4, 'broker')]
  format(nodes)
  const expected = nodes.slice(0, 3).map((each) => ({
    id: each.nodeId,
    directoryId: checkFormatted(each).metadataDirectoryId,
    endpoints: [{ name: 'CONTROLLER', host: '127.0.0.1', port: 19000 + each.nodeId }],
    kraftVersion: { min: 0, max: 1 },
  }))
  for (const each of nodes) assert.equal(votersSeenBy(each), expected)
})

test('every log directory has an id of its own', () => {
  const nodes = [node(1), node(2)]
  format(nodes)
  const ids = nodes.flatMap((each) => [...checkFormatted(each).directoryIds.values()])
  assert.is(new Set(ids).size, 4)
})

test('a new cluster finalizes the one feature that is built', () => {
  const alone = node(1)
  format([alone], { standalone: true })
  assert.equal(readBootstrap(checkFormatted(alone).bootstrapPath), [
    { type: 'FeatureLevelRecord', name: 'metadata.version', featureLevel: 30 },
  ])
})

test('typed voters: the node takes the directory id that it is listed with', () => {
  const own = node(1)
  const initialControllers =
    '1@127.0.0.1:19001:MnYamM7dQU-DsMFlQAMMnA,2@127.0.0.1:19002:eN7WHV8qQu-3qoSlyz9aLA'
  format([own], { initialControllers })
  assert.is(checkFormatted(own).metadataDirectoryId, 'MnYamM7dQU-DsMFlQAMMnA')
  assert.is(votersSeenBy(own).length, 2)
})

test('a node that joins, or has static voters, gets no voters', () => {
  const joining = node(1)
  format([joining], { initialControllers: false })
  assert.throws(() => votersSeenBy(joining), 'ENOENT')
  const fixed = node(2, 'controller', 'controller.quorum.voters=2@127.0.0.1:19002')
  format([fixed])
  assert.throws(() => votersSeenBy(fixed), 'ENOENT')
})

test('a wiped node that is formatted again is another voter, so none', () => {
  const nodes = [node(1), node(2), node(3)]
  format(nodes)
  const before = votersSeenBy(nodes[0]!)
  const wiped = checkFormatted(nodes[1]!).metadataDirectoryId
  rmSync(join(folder, '2'), { recursive: true })
  format([node(1), node(2), node(3)], { ignoreFormatted: true })
  assert.is.not(checkFormatted(nodes[1]!).metadataDirectoryId, wiped)
  assert.equal(votersSeenBy(nodes[1]!), before)
})

test('a broker that is added to the files learns of the voters', () => {
  format([node(1)], { standalone: true })
  const added = node(2, 'broker')
  const { directories } = format([node(1), added], { ignoreFormatted: true })
  assert.is(directories.length, 2)
  assert.is(votersSeenBy(added)[0]!.id, 1)
})

test('without an id of its own a cluster gets one, or keeps the one it has', () => {
  const { clusterId: first } = format([node(1), node(2)], { clusterId: undefined })
  const added = [node(1), node(2), node(3, 'broker')]
  const { clusterId: again } = format(added, { clusterId: undefined, ignoreFormatted: true })
  assert.is(again, first)
})

test('what cannot be formatted is refused in one line, and nothing is written', () => {
  assert.match(
    refused(() => format([node(1), node(1)])),
    'same node.id',
  )
  assert.match(
    refused(() => format([node(1)], { clusterId: 'mine', standalone: true })),
    'random-uuid',
  )
  assert.match(
    refused(() => format([node(1)], { standalone: true, features: ['group.version=1'] })),
    'not built yet',
  )
  assert.match(
    refused(() => format([node(1)], { standalone: true, releaseVersion: '4.2' })),
    '4.3-IV0',
  )
  assert.match(
    refused(() => format([node(1)], { initialControllers: '2@h:1:eN7WHV8qQu-3qoSlyz9aLA' })),
    'add node 1',
  )
  assert.match(
    refused(() => format([node(1)], { initialControllers: '1@h:1' })),
    'directoryId',
  )
  assert.match(
    refused(() => checkFormatted(node(1))),
    'not formatted',
  )
})

test('a folder that is formatted, or another’s, is left alone', () => {
  format([node(1)], { standalone: true })
  assert.match(
    refused(() => format([node(1)], { standalone: true })),
    'formatted already',
  )
  const other = 'BBBBBBBBQACAAAAAAAAAAQ'
  assert.match(
    refused(() => format([node(1)], { standalone: true, clusterId: other, ignoreFormatted: true })),
    'belongs to cluster',
  )
})

test('a node refuses folders of another node, of another cluster, copied or damaged', () => {
  format([node(1)], { standalone: true })
  const foreign = (line: RegExp, replacement: string, at = 'b') => {
    const path = join(folder, '1', at, 'meta.properties')
    const before = readFileSync(path, 'utf8')
    writeFileSync(path, before.replace(line, replacement))
    const message = refused(() => checkFormatted(node(1)))
    writeFileSync(path, before)
    return message
  }
  assert.match(foreign(/node.id=1/, 'node.id=7'), 'belongs to node 7')
  assert.match(foreign(/cluster.id=.+/, 'cluster.id=BBBBBBBBQACAAAAAAAAAAQ'), 'belongs to cluster')
  assert.match(foreign(/directory.id=.+/, 'directory.id='), 'damaged')
  assert.match(foreign(/version=1/, 'version=0'), 'damaged')
  const copied = checkFormatted(node(1)).metadataDirectoryId
  assert.match(foreign(/directory.id=.+/, `directory.id=${copied}`), 'a copy')
})

test('a folder with only half a formatting counts as not formatted', () => {
  const half = node(1)
  mkdirSync(join(folder, '1/a/__cluster_metadata-0'), { recursive: true })
  writeFileSync(join(folder, '1/a/bootstrap.checkpoint'), 'torn')
  format([half], { standalone: true })
  assert.is(readBootstrap(checkFormatted(half).bootstrapPath).length, 1)
})

test.run()
