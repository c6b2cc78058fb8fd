declare const __MOCK_VIDEO__: boolean

declare module 'icon:*' {
  const drawing: string
  export default drawing
}
