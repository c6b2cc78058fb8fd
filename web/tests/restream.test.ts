import { describe, expect, test } from 'vitest'
import { apart, differing, isSlow, platformOf, platforms, type Restream, type RestreamTarget } from '../src/lib/rooms/restream'

const target: RestreamTarget = { id: '1', name: 'There', url: 'rtmp://a.example/app/instance-1', key_end: 'WXYZ', enabled: true, created_at: '2026-03-04T20:00:00Z' }

describe('platforms', () => {
  test('take streams over TLS, and are known by their addresses', () => {
    for (const platform of platforms.filter(({ id }) => id !== 'other')) {
      expect(platform.url, platform.name).toMatch(/^rtmps:\/\/[a-z0-9.-]+:443\/[a-z0-9]+$/)
      expect(platformOf(platform.url).id).toBe(platform.id)
    }
    expect(platformOf('rtmp://a.example/live').id).toBe('other')
    expect(platformOf(null).id).toBe('other')
  })
})

describe('what is pasted', () => {
  test.each([
    ['rtmp://a.example/live/abcd-efgh-1234', '', 'rtmp://a.example/live', 'abcd-efgh-1234'],
    [' rtmps://a.example:443/x/y/live_12345?b=c ', '', 'rtmps://a.example:443/x/y', 'live_12345?b=c'],
    ['rtmp://a.example/live/instance', ' key ', 'rtmp://a.example/live/instance', 'key'],
    ['rtmp://a.example/live', '', 'rtmp://a.example/live', ''],
    ['rtmp://a.example/live2longer', '', 'rtmp://a.example/live2longer', ''],
  ])('%s with %s', (url, key, apartUrl, apartKey) => expect(apart(url, key)).toEqual({ url: apartUrl, key: apartKey }))
})

test('of a change the server hears what differs', () => {
  const { name, url } = target
  expect(differing(target, { name, url: url!, key: '' })).toEqual({})
  expect(differing(target, { name: ' Else ', url: url!, key: ' k ' })).toEqual({ name: 'Else', key: 'k' })
  expect(differing({ ...target, url: null }, { name, url: 'rtmp://b/c', key: 'k' })).toEqual({ url: 'rtmp://b/c', key: 'k' })
})

test('a platform is slow when one picture in a hundred is left out', () => {
  const going = { pictures_sent: 990, pictures_dropped: 10 } as Restream
  expect(isSlow(going)).toBe(false)
  expect(isSlow({ ...going, pictures_dropped: 11 })).toBe(true)
  expect(isSlow({ ...going, pictures_sent: 0, pictures_dropped: 0 })).toBe(false)
})
