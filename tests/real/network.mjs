// A Bluesky network of one server (PLC directory and PDS, no AppView) on loopback, and people who write on it.
//
// First line out: {"pds", "plc"}. Then one JSON command a line in, one JSON answer a line out, as Bluesky's own client
// (`@atproto/api`) gives it. Ends when its input does.
import { createInterface } from 'node:readline'

import { AtpAgent, RichText } from '@atproto/api'
import { TestNetworkNoAppView } from '@atproto/dev-env'

const network = await TestNetworkNoAppView.create({})
const people = new Map()

async function person(name) {
  if (!people.has(name)) {
    const agent = new AtpAgent({ service: network.pds.url })
    const account = { handle: `${name}.test`, email: `${name}@newsroom.example`, password: `secret of ${name}` }
    await agent.createAccount(account)
    people.set(name, agent)
  }
  return people.get(name)
}

const commands = {
  async post({ by, text, ...record }) {
    const rich = new RichText({ text })
    const agent = await person(by)
    await rich.detectFacets(agent)
    const post = { ...record, langs: record.langs ?? undefined, text: rich.text, facets: rich.facets }
    const { uri, cid } = await agent.post(post)
    return { uri, cid, did: agent.did, facets: rich.facets ?? [] }
  },
  async delete({ by, uri }) {
    return { done: await (await person(by)).deletePost(uri) }
  },
  async like({ by, uri, cid }) {
    return await (await person(by)).like(uri, cid)
  },
  async search({ by, q }) {
    try {
      return { found: (await (await person(by)).app.bsky.feed.searchPosts({ q })).data.posts.length }
    } catch (error) {
      return { refused: error.status ?? 0, why: String(error.message) }
    }
  },
}

console.log(JSON.stringify({ pds: network.pds.url, plc: network.plc.url }))
for await (const line of createInterface({ input: process.stdin })) {
  const { do: name, ...asked } = JSON.parse(line)
  console.log(JSON.stringify(await commands[name](asked)))
}
process.exit(0)
