/** Camera and microphone before and during a live: which there are, which is used, how loud it is. */
import { loudness } from './loudness'

export type DeviceTrouble = 'denied' | 'none' | 'busy' | 'insecure'

const wantedVideo = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } } as const

export class Devices {
  stream = $state.raw<MediaStream | null>(null)
  cameras = $state.raw<MediaDeviceInfo[]>([])
  microphones = $state.raw<MediaDeviceInfo[]>([])
  camera = $state<string | null>(null)
  microphone = $state<string | null>(null)
  /** Loudness from 0 to 1, a few times a second. */
  level = $state(0)
  muted = $state(false)
  covered = $state(false)
  trouble = $state<DeviceTrouble | null>(null)
  opening = $state(false)
  private sound: AudioContext | null = null
  private meter = 0
  /** Counts what was opened and closed: a camera that comes late is not wanted any more. */
  private turn = 0

  constructor(private readonly changed: (stream: MediaStream) => void = () => undefined) {}

  async open(): Promise<void> {
    const media = navigator.mediaDevices as MediaDevices | undefined
    if (!media) {
      this.trouble = 'insecure'
      return
    }
    const turn = ++this.turn
    this.opening = true
    this.trouble = null
    try {
      const next = await media.getUserMedia({
        video: { ...wantedVideo, ...(this.camera ? { deviceId: { exact: this.camera } } : {}) },
        audio: { echoCancellation: true, noiseSuppression: true, ...(this.microphone ? { deviceId: { exact: this.microphone } } : {}) },
      })
      if (turn !== this.turn) return stop(next)
      stop(this.stream)
      this.take(next)
      await this.list()
      if (turn === this.turn) this.changed(next)
    } catch (refusal) {
      if (turn !== this.turn) return
      const { name } = refusal as DOMException
      this.trouble = name === 'NotAllowedError' ? 'denied' : name === 'NotFoundError' ? 'none' : 'busy'
    }
    if (turn === this.turn) this.opening = false
  }

  async choose(kind: 'camera' | 'microphone', id: string): Promise<void> {
    this[kind] = id
    await this.open()
  }
  mute(yes: boolean): void {
    this.muted = yes
    for (const track of this.stream?.getAudioTracks() ?? []) track.enabled = !yes
  }
  cover(yes: boolean): void {
    this.covered = yes
    for (const track of this.stream?.getVideoTracks() ?? []) track.enabled = !yes
  }
  close(): void {
    this.turn++
    this.opening = false
    clearInterval(this.meter)
    void this.sound?.close()
    this.sound = null
    stop(this.stream)
    this.stream = null
  }

  private take(stream: MediaStream): void {
    this.stream = stream
    for (const track of stream.getVideoTracks()) {
      // Full size from the first second, instead of a ramp from 180p.
      track.contentHint = 'detail'
      track.enabled = !this.covered
      this.camera = track.getSettings().deviceId ?? this.camera
    }
    for (const track of stream.getAudioTracks()) {
      track.enabled = !this.muted
      this.microphone = track.getSettings().deviceId ?? this.microphone
    }
    this.listen(stream)
  }

  private async list(): Promise<void> {
    const all = await navigator.mediaDevices.enumerateDevices()
    this.cameras = all.filter((device) => device.kind === 'videoinput')
    this.microphones = all.filter((device) => device.kind === 'audioinput')
  }

  private listen(stream: MediaStream): void {
    clearInterval(this.meter)
    void this.sound?.close()
    if (stream.getAudioTracks().length === 0) return
    this.sound = new AudioContext()
    const ear = this.sound.createAnalyser()
    ear.fftSize = 1024
    this.sound.createMediaStreamSource(stream).connect(ear)
    const wave = new Float32Array(ear.fftSize)
    this.meter = window.setInterval(() => {
      ear.getFloatTimeDomainData(wave)
      this.level = loudness(wave)
    }, 66)
  }
}

function stop(stream: MediaStream | null): void {
  for (const track of stream?.getTracks() ?? []) track.stop()
}
