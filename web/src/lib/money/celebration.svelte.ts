/** Big gifts are celebrated one after the other; a flood keeps the first few, the banners show the rest. */
export interface CelebratedGift {
  id: string
  kind: string
  from: string
}
const waitingMax = 5

export class CelebrationQueue {
  private list = $state.raw<CelebratedGift[]>([])

  get now(): CelebratedGift | undefined {
    return this.list[0]
  }
  add(gift: CelebratedGift): void {
    if (this.list.length <= waitingMax) this.list = [...this.list, gift]
  }
  next(): void {
    this.list = this.list.slice(1)
  }
}
