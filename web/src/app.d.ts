declare const __MOCK_VIDEO__: boolean

declare module 'icon:*' {
  const drawing: string
  export default drawing
}

/** The light build has the full one's types, less what it leaves out. */
declare module 'hls.js/light' {
  export * from 'hls.js'
  export { default } from 'hls.js'
}
