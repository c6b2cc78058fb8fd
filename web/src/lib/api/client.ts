/** One function speaks HTTP. Every refusal arrives as a `Problem`, also when the network itself refused. */
import type { ProblemBody } from './types'

export class Problem extends Error {
  readonly type: string
  readonly status: number
  readonly title: string
  readonly detail: string
  readonly field: string | null
  /** When to try again, where that would help. */
  readonly retryAfterS: number | null

  constructor(body: ProblemBody) {
    super(body.detail || body.title)
    this.type = body.type
    this.status = body.status
    this.title = body.title
    this.detail = body.detail ?? ''
    this.field = body.field ?? null
    this.retryAfterS = body.retry_after_s ?? null
  }

  /** The last part of the type: `…/insufficient_funds` → `insufficient_funds`. */
  get kind(): string {
    return this.type.split(/[/:#]/).at(-1)?.replaceAll('-', '_') ?? ''
  }

  /** Nothing was heard from the server: the same request may be tried again. */
  get offline(): boolean {
    return this.status === 0
  }
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

export async function call<T>(method: Method, path: string, body?: unknown): Promise<T> {
  let answer: Response
  try {
    answer = await fetch(`/api/v1${path}`, {
      method,
      headers: body === undefined ? {} : { 'content-type': 'application/json' },
      body: body === undefined ? null : JSON.stringify(body),
    })
  } catch {
    throw new Problem({ type: 'offline', title: 'offline', status: 0 })
  }
  if (!answer.ok) throw await problemOf(answer)
  return (answer.status === 204 ? undefined : await answer.json()) as T
}

export async function problemOf(answer: Response): Promise<Problem> {
  try {
    const body = (await answer.json()) as Partial<ProblemBody>
    return new Problem({ type: 'about:blank', title: answer.statusText, ...body, status: answer.status })
  } catch {
    return new Problem({ type: 'about:blank', title: answer.statusText, status: answer.status })
  }
}
