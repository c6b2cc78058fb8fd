/** Words of a live's health. */
import { words } from '$lib/i18n/index.svelte'
import type { Trouble } from './health'

const en = {
  title: 'Signal',
  good: 'All good',
  look: 'Needs a look',
  picture: 'Picture',
  frames: 'Frames',
  keyframes: 'Keyframe every',
  lost: 'Lost',
  roundTrip: 'Round trip',
  sound: 'Sound',
  live: 'Real time',
  others: 'By HLS or chat only',
  recording: 'Recording',
  on: 'on',
  off: 'off',
  advice: {
    noPicture: 'No picture arrives. Check the camera, and that the media port is open.',
    reordered: 'Your encoder sends B-frames: nobody can watch in real time. Set “B-frames” (or “max B-frames”) to 0, or the tuning to zerolatency.',
    loss: 'Packets get lost on the way. Use a cable, come closer to the router, or lower the bitrate.',
    slow: 'Few frames arrive. The computer or the line is busy: close other programs, or lower resolution and bitrate.',
    keyframes: 'Keyframes are far apart: people wait for the picture. Set “keyframe interval” to 2 s.',
    far: 'It takes long for what you send to arrive. Leave mobile data or a VPN, or go live from nearer to the server.',
    noSound: 'No sound arrives. Check the microphone, and the audio encoder (AAC for RTMP).',
    disk: 'The recording has gaps or cannot be written. Is the disk full?',
  } satisfies Record<Trouble, string>,
}
const fr: typeof en = {
  title: 'Signal',
  good: 'Tout va bien',
  look: 'À vérifier',
  picture: 'Image',
  frames: 'Images',
  keyframes: 'Image clé toutes les',
  lost: 'Perdus',
  roundTrip: 'Aller-retour',
  sound: 'Son',
  live: 'Temps réel',
  others: 'En HLS ou tchat seul',
  recording: 'Enregistrement',
  on: 'actif',
  off: 'inactif',
  advice: {
    noPicture: 'Aucune image n’arrive. Vérifiez la caméra, et que le port média est ouvert.',
    reordered: 'Votre encodeur envoie des images B : personne ne peut regarder en temps réel. Mettez « images B » à 0, ou le réglage zerolatency.',
    loss: 'Des paquets se perdent en route. Utilisez un câble, rapprochez-vous du routeur, ou baissez le débit.',
    slow: 'Peu d’images arrivent. L’ordinateur ou la ligne est occupé : fermez d’autres programmes, ou baissez la définition et le débit.',
    keyframes: 'Les images clés sont espacées : on attend l’image. Mettez « intervalle d’images clés » à 2 s.',
    far: 'Ce que vous envoyez met longtemps à arriver. Quittez le réseau mobile ou le VPN, ou diffusez de plus près du serveur.',
    noSound: 'Aucun son n’arrive. Vérifiez le micro, et l’encodeur audio (AAC pour RTMP).',
    disk: 'L’enregistrement a des trous ou ne peut être écrit. Le disque est-il plein ?',
  },
}
export const dictionaries = { en, fr }
export const t = words(dictionaries)
