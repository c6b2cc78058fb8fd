/**
 * A network between browsers and the server that loses packets: a relay of UDP on another loopback address with the
 * server's own port, which the server advertises instead of its own.
 */
import { createSocket } from 'node:dgram'

export const lossyAddress = '127.0.0.2'

/** Loses `share` of what goes in either direction, by a seeded draw. Waits for nothing and reorders nothing. */
export async function startLossyNetwork(port, share, seed = 1) {
  const draw = mulberry32(seed)
  const count = { toServer: { passed: 0, lost: 0 }, toBrowser: { passed: 0, lost: 0 } }
  const loses = (way) => {
    const lost = draw() < share
    way[lost ? 'lost' : 'passed'] += 1
    return lost
  }
  const front = createSocket('udp4')
  const behind = new Map()
  front.on('message', (bytes, from) => {
    if (loses(count.toServer)) return
    const key = `${from.address}:${from.port}`
    let socket = behind.get(key)
    if (!socket) {
      socket = createSocket('udp4')
      socket.on('message', (answer) => loses(count.toBrowser) || front.send(answer, from.port, from.address))
      socket.bind(0, '127.0.0.1')
      behind.set(key, socket)
    }
    socket.send(bytes, port, '127.0.0.1')
  })
  await new Promise((ready, failed) => front.once('error', failed).bind(port, lossyAddress, ready))
  return {
    count,
    close() {
      front.close()
      for (const socket of behind.values()) socket.close()
    },
  }
}

/** A small generator of random numbers, so that a run can be had again. */
function mulberry32(seed) {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
