/**
 * `--app-height` is the height that is really visible. Browsers that honour interactive-widget resize the layout
 * when the keyboard opens; iOS does not, there the visual viewport tells.
 */
export function followViewport(): void {
  const view = window.visualViewport
  if (!view) return
  const apply = () => {
    if (view.scale > 1.01) return
    document.documentElement.style.setProperty('--app-height', `${Math.round(view.height)}px`)
  }
  view.addEventListener('resize', apply)
  apply()
}
