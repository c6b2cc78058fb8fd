/** The words of an alert with its placeholders filled: pieces of text, each shown as text. */
export interface Piece {
  text: string
  /** Which placeholder it stands for; none for the words around them. */
  of: string | null
}

export function filled(template: string, values: Readonly<Record<string, string>>): Piece[] {
  return template.split(/(\{[a-z]+\})/).flatMap((part) => {
    if (part === '') return []
    const name = part.slice(1, -1)
    const known = part.startsWith('{') && Object.hasOwn(values, name)
    return [known ? { text: values[name]!, of: name } : { text: part, of: null }]
  })
}
