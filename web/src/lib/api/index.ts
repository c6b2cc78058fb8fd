/** The one door to the server: its shapes, its errors, its ids. */
export type * from './types'
export { call, Problem, problemOf } from './client'
export { uuidv7 } from './uuid'
