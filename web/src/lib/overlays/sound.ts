/** The sound of an alert, made of a few sines: nothing is downloaded. */
import type { AlertKind } from './alerts'

/** Notes as semitones above A4, each a little after the one before. */
const tunes: Record<AlertKind, readonly number[]> = {
  gift: [3, 7, 10],
  badge: [7, 10, 15],
  subscription: [-2, 3, 7, 10],
  subscription_gift: [-2, 3, 7, 10, 15],
  ticket: [3, 10],
}
const everyS = 0.09
const ringS = 0.9

export class Sound {
  private context: AudioContext | null = null
  /** How often something was played: for those who look from outside. */
  played = 0

  /** `volume` from 0 to 1. A page that nobody has touched may not be allowed to; OBS allows it. */
  play(kind: AlertKind, volume: number): void {
    if (volume <= 0) return
    this.chord(tunes[kind], volume)
  }

  /** A streak has grown: one short note, higher each time, for an octave. */
  grow(count: number, volume: number): void {
    if (volume <= 0) return
    this.chord([10 + (count % 13)], volume * 0.6)
  }

  private chord(notes: readonly number[], volume: number): void {
    const context = (this.context ??= new AudioContext())
    if (context.state === 'suspended') void context.resume()
    this.played += 1
    const begin = context.currentTime + 0.02
    notes.forEach((note, i) => this.bell(context, 440 * 2 ** (note / 12), begin + i * everyS, volume / Math.sqrt(notes.length)))
  }

  /** A sine with a quieter one two octaves up, which dies sooner. */
  private bell(context: AudioContext, hz: number, at: number, volume: number): void {
    for (const [times, share, lasts] of [[1, 0.7, ringS], [4, 0.15, ringS / 3]] as const) {
      const tone = new OscillatorNode(context, { frequency: hz * times })
      const gain = new GainNode(context, { gain: 0 })
      gain.gain.setValueAtTime(0, at)
      gain.gain.linearRampToValueAtTime(volume * share, at + 0.008)
      gain.gain.exponentialRampToValueAtTime(0.0001, at + lasts)
      tone.connect(gain).connect(context.destination)
      tone.start(at)
      tone.stop(at + lasts)
    }
  }
}
