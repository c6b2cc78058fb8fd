/** Who is looking at this page. One copy for the whole page; every change of it comes through here. */
import { call, type Me } from '$lib/api'

const nobody: Me = {
  kind: 'nobody',
  id: null,
  handle: null,
  display_name: null,
  about: null,
  role: 'viewer',
  channel: null,
  coins: 0,
  adult: false,
  suspended: false,
  deleted_at: null,
  demo: false,
}

class Session {
  me = $state.raw<Me>(nobody)
  loaded = $state(false)

  get person(): boolean {
    return this.me.kind === 'person'
  }

  async load(): Promise<void> {
    this.me = await call<Me>('GET', '/me')
    this.loaded = true
  }
  async signIn(handle: string, password: string): Promise<void> {
    this.me = await call<Me>('POST', '/sign-in', { handle, password })
  }
  async signUp(handle: string, display_name: string, password: string): Promise<void> {
    this.me = await call<Me>('POST', '/sign-up', { handle, display_name, password })
  }
  async setUp(token: string, handle: string, display_name: string, password: string): Promise<void> {
    this.me = await call<Me>('POST', '/setup', { token, handle, display_name, password })
  }
  async joinAsGuest(name: string): Promise<void> {
    this.me = await call<Me>('POST', '/guests', { name })
  }
  async enterDemo(as: 'viewer' | 'creator'): Promise<void> {
    await call('POST', '/demo/enter', { as })
    await this.load()
  }
  async update(change: { display_name?: string; about?: string }): Promise<void> {
    this.me = await call<Me>('PATCH', '/me', change)
  }
  /** Says that one is 18 or older, which payments need. */
  async declareAdult(): Promise<void> {
    await call<void>('POST', '/me/adult', { adult: true })
    this.me = { ...this.me, adult: true }
  }
  async signOut(): Promise<void> {
    await call<void>('POST', '/sign-out')
    this.me = { ...nobody, demo: this.me.demo }
  }
  setCoins(coins: number): void {
    this.me = { ...this.me, coins }
  }
}

export const session = new Session()
