// A Jetstream instance for one PDS: no Jetstream server is to be had as a package. It follows the PDS's firehose
// (`com.atproto.sync.subscribeRepos`, signatures checked against the PLC directory) and serves `/subscribe` as
// https://github.com/bluesky-social/jetstream documents it: JSON, `wantedCollections`, `maxMessageSizeBytes`, `cursor`
// (a time, the boundary included); account and identity events reach everybody. No `compress`, no `wantedDids`.
//
// Usage: node jetstream_bridge.mjs PDS_URL PLC_URL PORT. Prints "ready" once it follows. It keeps nothing: started
// again it reads the firehose from its beginning, and gives every event the `time_us` that it had.
import { IdResolver } from '@atproto/identity'
import { lexToJson } from '@atproto/lex-json'
import { Firehose } from '@atproto/sync'
import { WebSocketServer } from 'ws'

const [pds, plc, port] = process.argv.slice(2)
const events = []
const listeners = new Set()

function jetstreamEvent(event) {
  const { did, event: kind, seq, time } = event
  const time_us = Math.max(Date.parse(time) * 1000, (events.at(-1)?.time_us ?? 0) + 1)
  if (kind === 'identity') return { did, time_us, kind, identity: { did, handle: event.handle, seq, time } }
  if (kind === 'account') {
    return { did, time_us, kind, account: { active: event.active, did, seq, status: event.status, time } }
  }
  const { rev, collection, rkey, record, cid } = event
  const body = record && { record: lexToJson(record), cid: cid.toString() }
  return { did, time_us, kind: 'commit', commit: { rev, operation: kind, collection, rkey, ...body } }
}

function wanted(event, query) {
  const collections = query.getAll('wantedCollections')
  const size = Number(query.get('maxMessageSizeBytes') ?? 0)
  if (size && Buffer.byteLength(JSON.stringify(event)) > size) return false
  return event.kind !== 'commit' || !collections.length || collections.includes(event.commit.collection)
}

const firehose = new Firehose({
  service: pds.replace(/^http/, 'ws'),
  idResolver: new IdResolver({ plcUrl: plc, fetch: globalThis.fetch }), // its own fetch refuses loopback
  unauthenticatedHandles: true, // .test names resolve nowhere
  excludeSync: true, // Jetstream's `/subscribe` never tells them
  getCursor: () => 0,
  handleEvent(event) {
    const told = jetstreamEvent(event)
    events.push(told)
    for (const tell of listeners) tell(told)
  },
  onError(error) {
    console.error(error.message, error.cause ?? '')
  },
})

const server = new WebSocketServer({ host: '127.0.0.1', port: Number(port), path: '/subscribe' })
server.on('connection', (socket, request) => {
  const query = new URL(request.url, 'ws://localhost').searchParams
  const tell = (event) => wanted(event, query) && socket.send(JSON.stringify(event))
  if (query.has('cursor')) events.filter((event) => event.time_us >= Number(query.get('cursor'))).forEach(tell)
  listeners.add(tell)
  socket.on('close', () => listeners.delete(tell))
})
server.on('listening', () => console.log('ready'))
process.stdin.resume().on('end', () => process.exit(0)) // it ends with whoever started it
await firehose.start()
