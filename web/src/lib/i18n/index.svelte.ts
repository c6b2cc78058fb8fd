/**
 * English and French, typed. An area of the app has one English object and a French one of the same type, so a
 * missing French key does not compile; `words()` gives a view that follows the chosen language on screen.
 */
export type Lang = 'en' | 'fr'
export const langs: readonly Lang[] = ['en', 'fr']

/** The person's own choice first, then the first language of the browser that we speak. */
export function pickLang(stored: string | null, preferred: readonly string[]): Lang {
  if (stored === 'en' || stored === 'fr') return stored
  for (const tag of preferred) {
    const base = tag.slice(0, 2).toLowerCase()
    if (base === 'en' || base === 'fr') return base
  }
  return 'en'
}

function stored(): string | null {
  try {
    return localStorage.getItem('busk-lang')
  } catch {
    return null
  }
}

let lang = $state<Lang>(pickLang(stored(), globalThis.navigator?.languages ?? []))

export const locale = {
  get lang(): Lang {
    return lang
  },
  /** The BCP 47 tag that Intl formats by: the region of the browser when it is of the same language. */
  get tag(): string {
    return globalThis.navigator?.languages?.find((tag) => tag.startsWith(lang)) ?? lang
  },
  choose(next: Lang): void {
    lang = next
    document.documentElement.lang = next
    try {
      localStorage.setItem('busk-lang', next)
    } catch {
      // Without storage the choice lasts for this page.
    }
  },
}

/** A view of both dictionaries that reads the chosen one each time a word is asked for. */
export function words<T extends object>(both: { en: T; fr: NoInfer<T> }): T {
  return new Proxy(both.en, { get: (_, key) => Reflect.get(both[lang], key) })
}

/** Picks a plural form by the rules of the language on screen. */
export function plural(n: number, forms: { one: string; other: string }, tag: string): string {
  return new Intl.PluralRules(tag).select(n) === 'one' ? forms.one : forms.other
}
