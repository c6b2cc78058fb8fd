// Before first paint: the look and language the person chose last time.
try {
  var look = localStorage.getItem('busk-look')
  if (look === 'light' || look === 'dark') document.documentElement.dataset.look = look
} catch (_) {
  // Storage may be switched off; the system's look is used then.
}
