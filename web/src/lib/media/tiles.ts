/** How high each seat's picture is on this screen, for the server to choose what is worth sending. Pure but for `Teller`. */
import { arrange, crops, type Rect } from '$lib/rooms/arrange'
import type { StageView } from '$lib/rooms/wire'

/** As many as a session has places for. */
const seatsMax = 4
const pauseMs = 300
/** Below this, one alone may be sent smaller than it is made. */
export const smallPx = 360

export interface Shown {
  stage: Pick<StageView, 'layout' | 'focus' | 'seats'> | null
  box: { w: number; h: number }
  /** Of the host's picture; the others are taken to be as broad as most are. */
  aspect: number
  /** The seat that is shown from its own camera here, and not fetched. */
  own: number | null
  pixelRatio: number
  visible: boolean
}

export function heights({ stage, box, aspect, own, pixelRatio, visible }: Shown): number[] {
  const all = Array<number>(seatsMax).fill(0)
  if (!visible || box.h < 1) return all
  const boxAspect = box.w / box.h
  const seats = stage && stage.seats.length > 1 ? stage.seats : null
  const rects: Map<number, Rect> = seats ? arrange(seats.map(({ seat }) => seat), stage!.layout, stage!.focus, boxAspect, aspect) : new Map([[0, { x: 0, y: 0, w: 1, h: 1 }]])
  for (const [seat, rect] of rects) {
    if (seat === own || seat >= seatsMax || seats?.find((each) => each.seat === seat)?.hidden) continue
    const shape = seat === 0 ? aspect : 16 / 9
    const [w, h] = [box.w * rect.w, box.h * rect.h]
    // Cropped, a picture is larger than its tile; whole, it may be smaller.
    const height = crops(rect, boxAspect, shape) ? Math.max(h, w / shape) : Math.min(h, w / shape)
    all[seat] = Math.max(1, Math.round(height * pixelRatio))
  }
  return all
}

/** Says it to the session that there is, once for each change, and not more often than a layout moves. */
export class Teller {
  private said = ''
  private timer: ReturnType<typeof setTimeout> | undefined

  constructor(private readonly session: () => string | null) {}

  tell(heights: number[], atOnce: boolean): void {
    clearTimeout(this.timer)
    this.timer = setTimeout(() => void this.send(heights), atOnce ? 0 : pauseMs)
  }
  stop(): void {
    clearTimeout(this.timer)
  }
  private async send(heights: number[]): Promise<void> {
    const session = this.session()
    const what = `${session} ${heights.join()}`
    if (!session || what === this.said) return
    this.said = what
    await fetch(`${session}/tiles`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ heights }) }).catch(() => undefined)
  }
}
