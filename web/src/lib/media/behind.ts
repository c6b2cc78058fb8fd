/** How far WHEP's picture is behind the camera's network end, in seconds: what waits to be played, and half the way there and back. */
export function behindS(report: Iterable<[string, Record<string, unknown>]>): number | null {
  let waits: number | null = null
  let travels = 0
  for (const [, stat] of report) {
    const of = (name: string) => (typeof stat[name] === 'number' ? stat[name] : 0)
    if (stat.type === 'inbound-rtp' && stat.kind === 'video' && of('jitterBufferEmittedCount') > 0) {
      waits = of('jitterBufferDelay') / of('jitterBufferEmittedCount')
    }
    if (stat.type === 'candidate-pair' && stat.state === 'succeeded' && stat.nominated !== false) travels = of('currentRoundTripTime') / 2
  }
  return waits === null ? null : waits + travels
}
