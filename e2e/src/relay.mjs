/** A relay that takes every letter, and keeps it to be read. */
import { createServer } from 'node:net'

export async function startRelay() {
  const letters = []
  const server = createServer((socket) => {
    let waiting = ''
    let to = ''
    let inLetter = false
    socket.setEncoding('utf8')
    socket.write('220 relay\r\n')
    socket.on('error', () => undefined)
    socket.on('data', (text) => {
      waiting += text
      for (;;) {
        const end = waiting.indexOf(inLetter ? '\r\n.\r\n' : '\r\n')
        if (end < 0) return
        const said = waiting.slice(0, end)
        waiting = waiting.slice(end + (inLetter ? 5 : 2))
        if (inLetter) {
          letters.push({ to, text: said.replaceAll('=\r\n', '').replaceAll('=3D', '=') })
          inLetter = false
          socket.write('250 taken\r\n')
        } else if (said === 'DATA') {
          inLetter = true
          socket.write('354 go on\r\n')
        } else {
          to = /^RCPT TO:<(.*)>/.exec(said)?.[1] ?? to
          socket.write('250 ok\r\n')
        }
      }
    })
  })
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready))
  return { port: server.address().port, letters, close: () => server.close() }
}
