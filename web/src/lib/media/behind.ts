type Report = Iterable<[string, Record<string, unknown>]>

/**
 * How far WHEP's picture is behind the server, in seconds: what frames waited here to be played since the report
 * before, and half the way there and back.
 */
export function behindS(report: Report, before: Report = []): number | null {
  const [now, then] = [read(report), read(before)]
  const frames = now.frames - then.frames
  return frames > 0 ? (now.waitedS - then.waitedS) / frames + now.roundTripS / 2 : null
}

function read(report: Report): { waitedS: number; frames: number; roundTripS: number } {
  const sum = { waitedS: 0, frames: 0, roundTripS: 0 }
  for (const [, stat] of report) {
    const of = (name: string) => (typeof stat[name] === 'number' ? stat[name] : 0)
    // The first of the offer is the host's; those who are on stage with them come after.
    if (stat.type === 'inbound-rtp' && stat.kind === 'video' && (stat.mid ?? '0') === '0') {
      sum.waitedS = of('jitterBufferDelay')
      sum.frames = of('jitterBufferEmittedCount')
    }
    if (stat.type === 'candidate-pair' && stat.state === 'succeeded' && stat.nominated !== false) sum.roundTripS = of('currentRoundTripTime')
  }
  return sum
}
