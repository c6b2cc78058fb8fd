/** Only for `npm run dev` without a server: a drawn picture instead of a camera far away. Never in a build. */
export function mockStream(seed: number, portrait: boolean): MediaStream {
  const canvas = document.createElement('canvas')
  canvas.width = portrait ? 720 : 1280
  canvas.height = portrait ? 1280 : 720
  const paint = canvas.getContext('2d')!
  const { width: w, height: h } = canvas
  const draw = () => {
    const at = performance.now() / 1000
    const sky = paint.createLinearGradient(0, 0, w, h)
    sky.addColorStop(0, `hsl(${(seed * 67) % 360} 55% 24%)`)
    sky.addColorStop(1, `hsl(${(seed * 67 + 60) % 360} 60% 52%)`)
    paint.fillStyle = sky
    paint.fillRect(0, 0, w, h)
    for (let i = 0; i < 9; i++) {
      paint.fillStyle = `hsl(${30 + i * 9} 90% 70% / 0.16)`
      paint.beginPath()
      paint.arc(w * (0.1 + 0.1 * i), h * (0.2 + 0.12 * Math.sin(at + i)), 60, 0, 7)
      paint.fill()
    }
    const sway = Math.sin(at * 2) * w * 0.01
    paint.fillStyle = '#2a1710'
    paint.beginPath()
    paint.ellipse(w / 2 + sway, h * 0.86, Math.min(w, h) * 0.34, h * 0.3, 0, 0, 7)
    paint.fill()
    paint.fillStyle = '#d99a6c'
    paint.beginPath()
    paint.ellipse(w / 2 + sway, h * 0.42, Math.min(w, h) * 0.13, Math.min(w, h) * 0.16, 0, 0, 7)
    paint.fill()
    paint.fillStyle = '#e8431a'
    paint.fillRect(w / 2 + sway - Math.min(w, h) * 0.17, h * 0.42 - Math.min(w, h) * 0.17, Math.min(w, h) * 0.34, 26)
    requestAnimationFrame(draw)
  }
  draw()
  return canvas.captureStream(30)
}
