/// What a person was told, and how they want to be.
const at = (minutes: number): string => new Date(Date.now() - minutes * 60_000).toISOString()
const nia = { id: 'c1', handle: 'nia', name: 'Nia Solaris' }

export const inbox = {
  unread: 1,
  items: [
    { room: 'r1', channel: nia, title: 'Loops on the bridge', at: at(4), on_air: true, unread: true },
    { room: 'r0', channel: nia, title: 'A quiet hour', at: at(1_500), on_air: false, unread: false },
  ],
}
export const noticeSettings = { in_app: true, email: true, push: true, address: null, email_offered: true, push_key: '', quiet: [] }
export const follows = { items: [{ channel: nia, since: at(9_000) }], next: null }
