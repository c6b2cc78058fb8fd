/** Keeps the screen on while something is live; a hidden page loses the lock and asks again when it is back. */
export function keepAwake(): () => void {
  let lock: WakeLockSentinel | null = null
  const ask = () => {
    if (document.visibilityState !== 'visible') return
    navigator.wakeLock?.request('screen').then(
      (granted) => (lock = granted),
      () => undefined,
    )
  }
  ask()
  document.addEventListener('visibilitychange', ask)
  return () => {
    document.removeEventListener('visibilitychange', ask)
    void lock?.release()
  }
}
