/**
 * tmi.js, the bots' library for Twitch's chat, at our own address. It speaks IRC inside of a WebSocket, as browsers must;
 * so a pipe stands between it and the door for IRC, which only unwraps what comes.
 */
import { connect } from 'node:net'
import tmi from 'tmi.js'
import { WebSocketServer } from 'ws'

export async function startBot({ port, token, channel }) {
  const pipe = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  await new Promise((ready) => pipe.once('listening', ready))
  pipe.on('connection', (socket) => {
    const irc = connect(port, '127.0.0.1')
    let waiting = ''
    irc.setEncoding('utf8')
    irc.on('data', (text) => {
      // Whole lines, as Twitch's WebSocket sends them.
      waiting += text
      const end = waiting.lastIndexOf('\n') + 1
      if (end > 0) socket.send(waiting.slice(0, end))
      waiting = waiting.slice(end)
    })
    irc.on('close', () => socket.close())
    irc.on('error', () => socket.close())
    socket.on('message', (bytes) => irc.write(`${String(bytes).trimEnd()}\r\n`))
    socket.on('close', () => irc.destroy())
  })
  const bot = new tmi.Client({
    options: { debug: false, skipUpdatingEmotesets: true },
    connection: { server: '127.0.0.1', port: pipe.address().port, secure: false, reconnect: false },
    identity: { username: 'robot', password: `oauth:${token}` },
    channels: [channel],
    logger: { info() {}, warn() {}, error() {}, setLevel() {} },
  })
  /** What the bot was told, by the names of tmi.js's events. */
  const told = []
  for (const name of ['message', 'cheer', 'messagedeleted', 'timeout', 'join', 'notice', 'roomstate', 'disconnected'])
    bot.on(name, (...args) => told.push({ name, args }))
  await bot.connect().catch((problem) => {
    pipe.close()
    throw new Error(problem)
  })
  return {
    bot,
    told: (name) => told.filter((one) => one.name === name).map((one) => one.args),
    async stop() {
      await bot.disconnect().catch(() => {})
      pipe.close()
    },
  }
}
