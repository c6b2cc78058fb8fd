/** Short notes at the edge of the page: what just happened, or what went wrong and is not about one field. */
export interface Toast {
  id: number
  text: string
  tone: 'plain' | 'danger' | 'good'
}

const shownMs = 4500
let next = 1
let list = $state.raw<Toast[]>([])

export const toasts = {
  get list(): Toast[] {
    return list
  },
  say(text: string, tone: Toast['tone'] = 'plain'): void {
    const id = next++
    list = [...list.slice(-2), { id, text, tone }]
    setTimeout(() => this.drop(id), shownMs)
  },
  drop(id: number): void {
    list = list.filter((toast) => toast.id !== id)
  },
}
