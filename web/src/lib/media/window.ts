/** The picture in a window of its own, or on the whole screen: where a browser can, and by the name it has for it. */

/** An iPhone fills the screen with a video, never with a page. */
type Phone = HTMLVideoElement & { webkitEnterFullscreen?: () => void; webkitSupportsFullscreen?: boolean }

export const canFloat = (): boolean => document.pictureInPictureEnabled === true
export const canFill = (video: Phone | null): boolean => document.fullscreenEnabled === true || video?.webkitSupportsFullscreen === true

export async function floatOut(video: HTMLVideoElement | null): Promise<void> {
  if (document.pictureInPictureElement) await document.exitPictureInPicture()
  else await video?.requestPictureInPicture().catch(() => undefined)
}

export async function fill(frame: HTMLElement | null, video: Phone | null): Promise<void> {
  if (document.fullscreenElement) await document.exitFullscreen()
  else if (document.fullscreenEnabled) await frame?.requestFullscreen().catch(() => undefined)
  else video?.webkitEnterFullscreen?.()
}
