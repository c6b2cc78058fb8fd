/** Adding a statement up again, the way its reader could with a pencil. Pure. */
import type { StatementLine, Transfer } from '$lib/api'

export type Check = 'ok' | 'wrong' | 'open'

/**
 * Lines come newest first. Each balance must be the older line's balance plus this line; the oldest line loaded
 * has nothing to be compared with yet (`open`) unless the list is complete, then it must start from zero.
 */
export function checks(lines: readonly StatementLine[], complete: boolean): Check[] {
  return lines.map((line, i) => {
    const older = lines[i + 1]
    if (!older && !complete) return 'open'
    const before = older?.balance_after ?? { pending: 0, available: 0, money_pending: 0, money: 0 }
    const after = line.balance_after
    const ok =
      before.pending + line.diamonds_pending === after.pending &&
      before.available + line.diamonds_available === after.available &&
      before.money_pending + line.money_pending === after.money_pending &&
      before.money + line.money === after.money
    return ok ? 'ok' : 'wrong'
  })
}

export interface Own {
  account: string
  unit: string
  amount: number
}

/** What a posting did to one's own accounts, which are the ones marked "(you)": credits add, debits take away. */
export function own(transfers: readonly Transfer[]): Own[] {
  const sums = new Map<string, Own>()
  const add = (account: string, unit: string, amount: number) => {
    if (!account.endsWith('(you)')) return
    const old = sums.get(`${account} ${unit}`)
    sums.set(`${account} ${unit}`, { account, unit, amount: (old?.amount ?? 0) + amount })
  }
  for (const transfer of transfers) {
    add(transfer.debit, transfer.unit, -transfer.amount)
    add(transfer.credit, transfer.unit, transfer.amount)
  }
  return [...sums.values()]
}

/** Whether the transfers say the same as the line that was opened. */
export function agrees(line: StatementLine, transfers: readonly Transfer[]): boolean {
  const of = (is: (sum: Own) => boolean) =>
    own(transfers)
      .filter(is)
      .reduce((total, sum) => total + sum.amount, 0)
  const diamonds = of((sum) => sum.unit === 'DIAMOND')
  // A line has what is held and what can be paid out; what is in reserve or on its way is one's own too, but not of it.
  const held = of((sum) => sum.account.startsWith('earnings.pending '))
  const money = of((sum) => sum.account.startsWith('earnings.available '))
  return diamonds === line.diamonds_pending + line.diamonds_available && held === line.money_pending && money === line.money
}
