/** A connection may look alive while no frame comes. Looks once a second at how many frames were decoded. */
export class Watchdog {
  private last = -1
  private still = 0
  private readonly timer: ReturnType<typeof setInterval>

  constructor(
    private readonly frames: () => number,
    /** Whether frames are due: the room is live and the page is seen. */
    private readonly due: () => boolean,
    private readonly stuck: () => void,
    private readonly well: () => void,
    private readonly patienceS = 6,
  ) {
    this.timer = setInterval(() => this.look(), 1000)
  }

  look(): void {
    const frames = this.frames()
    if (frames !== this.last && frames > 0) {
      this.still = 0
      this.well()
    } else if (!this.due()) {
      this.still = 0
    } else if (++this.still >= this.patienceS) {
      this.still = 0
      this.stuck()
    }
    this.last = frames
  }

  stop(): void {
    clearInterval(this.timer)
  }
}
