import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Devices } from '../src/lib/media/devices.svelte'

/** A camera whose streams come when the test lets them. */
class Camera {
  readonly asked: { give: () => void; refuse: (name: string) => void; stopped: () => boolean }[] = []
  getUserMedia(): Promise<MediaStream> {
    return new Promise((resolve, reject) => {
      let live = true
      const track = { stop: () => (live = false), getSettings: () => ({}), enabled: true }
      const stream = { getTracks: () => [track], getVideoTracks: () => [track], getAudioTracks: () => [] }
      this.asked.push({
        give: () => resolve(stream as unknown as MediaStream),
        refuse: (name) => reject(new DOMException('', name)),
        stopped: () => !live,
      })
    })
  }
  enumerateDevices(): Promise<MediaDeviceInfo[]> {
    return Promise.resolve([])
  }
}

describe('the camera before a live', () => {
  let camera: Camera
  beforeEach(() => {
    camera = new Camera()
    vi.stubGlobal('navigator', { mediaDevices: camera })
  })
  afterEach(() => vi.unstubAllGlobals())

  it('is off again when it comes after it was closed', async () => {
    const changed = vi.fn()
    const devices = new Devices(changed)
    const opening = devices.open()
    devices.close()
    expect(devices.opening).toBe(false)
    camera.asked[0]!.give()
    await opening
    expect(camera.asked[0]!.stopped()).toBe(true)
    expect(devices.stream).toBeNull()
    expect(changed).not.toHaveBeenCalled()
  })

  it('is the one asked for last, whichever comes first', async () => {
    const devices = new Devices()
    const both = [devices.open(), devices.open()]
    camera.asked[1]!.give()
    await both[1]
    camera.asked[0]!.give()
    await both[0]
    expect(camera.asked.map((one) => one.stopped())).toEqual([true, false])
    expect(devices.opening).toBe(false)
  })

  it('tells no trouble of a camera that nobody waits for', async () => {
    const devices = new Devices()
    const opening = devices.open()
    devices.close()
    camera.asked[0]!.refuse('NotAllowedError')
    await opening
    expect(devices.trouble).toBeNull()
  })
})
