/** The page's words in French, by the English ones. */
import type { English } from '../words.ts';

export const fr: Readonly<Record<English, string>> = {
  Join: 'Rejoindre',
  'Join again': 'Rejoindre à nouveau',
  'Tap to hear': 'Touchez pour écouter',
  'Joining …': 'Connexion…',
  'The connection was lost. Reconnecting …': 'La connexion est perdue. Nouvelle tentative…',
  Listening: 'Écoute',
  Thinking: 'Réfléchit',
  Speaking: 'Parle',
  'This face is synthetic: a picture, brought to life by a computer.':
    'Ce visage est synthétique : une image animée par un ordinateur.',
  'Change face': 'Changer de visage',
  Conversation: 'Conversation',
  'Face & settings': 'Visage et réglages',
  'Loading …': 'Chargement…',
  'Close this message': 'Fermer ce message',
  'Microphone on': 'Micro activé',
  'Microphone off': 'Micro coupé',
  Hold: 'Tenir',
  Interrupt: 'Couper',
  'Sound on': 'Son activé',
  'Sound off': 'Son coupé',
  Captions: 'Texte',
  Statistics: 'Mesures',
  End: 'Finir',
  You: 'Vous',
  'Another visitor': 'Une autre personne',
  'The face': 'Le visage',
  Note: 'Remarque',
  'Hello! Who are you?': 'Bonjour ! Qui êtes-vous ?',
  'What can you do for me?': 'Que pouvez-vous faire pour moi ?',
  'When are you open?': 'Quand êtes-vous ouverts ?',
  'What was said': 'Ce qui a été dit',
  'What becomes of the text': 'Ce que devient le texte',
  'Talk to the face': 'Parler au visage',
  'Say exactly this': 'Dire exactement ceci',
  'What the face should say': 'Ce que le visage doit dire',
  'Your message': 'Votre message',
  'Type to the face …': 'Écrivez au visage…',
  Speak: 'Faire dire',
  Send: 'Envoyer',
  'What the face says appears here.': 'Ce que dit le visage apparaît ici.',
  'Press {}.': 'Appuyez sur {}.',
  'Press {} and speak, or type. Interrupt at any time.':
    'Appuyez sur {} et parlez, ou écrivez. Interrompez à tout moment.',
  interrupted: 'interrompu',
  'Choose a face': 'Choisir un visage',
  'Use your own picture': 'Utiliser votre propre image',
  'May this face speak?': 'Ce visage peut-il parler ?',
  'You are about to animate {}. Use only pictures of yourself, of people who agreed to it, or works that are free to use. Your picture appears in your gallery only. This server keeps the face made of it, not the file, until it stops at most.':
    'Vous allez animer {}. N’utilisez que des images de vous-même, de personnes qui y consentent ou des œuvres libres. Votre image n’apparaît que dans votre galerie. Ce serveur garde le visage qui en est tiré, pas le fichier, au plus jusqu’à son arrêt.',
  Cancel: 'Annuler',
  'Yes, I may use it': 'Oui, j’en ai le droit',
  Voice: 'Voix',
  'A woman’s voice': 'Une voix de femme',
  'Eyes and mood': 'Regard et humeur',
  'Look at me': 'Regarde-moi',
  'Reset all': 'Tout rétablir',
  Distance: 'Distance',
  'Head motion': 'Mouvement',
  Expressiveness: 'Expressivité',
  happy: 'joyeux',
  surprised: 'surpris',
  sad: 'triste',
  angry: 'en colère',
  'Sound and picture': 'Son et image',
  Microphone: 'Microphone',
  Loudspeaker: 'Haut-parleur',
  'The system’s own': 'Celui du système',
  'Push to talk (hold the space bar or the button)': 'Appuyer pour parler (barre d’espace ou bouton)',
  'Draw the face here, on this machine’s graphics': 'Dessiner le visage ici, avec la carte graphique',
  'Mirror: the face says what I say': 'Miroir : le visage dit ce que je dis',
  'Connect a program': 'Relier un programme',
  'A person has been asked for.': 'Une personne a été demandée.',
  'The microphone was not allowed. Allow it in the address bar of the browser (the icon left of the address), then turn the microphone on again. You can always type.':
    'Le microphone n’a pas été autorisé. Autorisez-le dans la barre d’adresse du navigateur (l’icône à gauche), puis activez encore le micro. Vous pouvez toujours écrire.',
  'No microphone was found. Plug one in and turn it on again, or type.':
    'Aucun microphone n’a été trouvé. Branchez-en un et activez-le encore, ou écrivez.',
  'The microphone is in use by another program. Close that program and turn the microphone on again, or type.':
    'Un autre programme utilise le microphone. Fermez-le et activez encore le micro, ou écrivez.',
  'The chosen microphone is gone. Choose another one under Face & settings.':
    'Le microphone choisi n’est plus là. Choisissez-en un autre sous Visage et réglages.',
  'Browsers give the microphone to secure pages only. Open this page over https, or on localhost; typing works here too.':
    "Les navigateurs ne donnent le micro qu'aux pages sûres. Ouvrez cette page en https ou sur localhost ; écrire marche aussi ici.",
  'The microphone cannot be opened ({}). You can always type.':
    'Le micro ne peut pas être ouvert ({}). Vous pouvez toujours écrire.',
  'The microphone was unplugged or taken away. Turn the microphone on to use another one, or type.':
    'Le micro a été débranché ou repris. Activez le micro pour en utiliser un autre, ou écrivez.',
  'The gallery cannot be loaded: {}': 'La galerie ne peut pas être chargée : {}',
  'This browser has no WebRTC, or it is switched off: use a current Firefox, Chrome, Edge or Safari.':
    "Ce navigateur n'a pas WebRTC, ou il est désactivé : utilisez un Firefox, Chrome, Edge ou Safari récent.",
  'There is no face “{}” here; this is “{}”.': "Il n'y a pas de visage « {} » ici ; voici « {} ».",
  'There is no voice “{}” here; the face speaks with “{}”.':
    "Il n'y a pas de voix « {} » ici ; le visage parle avec « {} ».",
  'Looking at {} …': 'Lecture de {} …',
  '{} is not a picture: choose a JPEG, PNG or WebP.': "{} n'est pas une image : choisissez un JPEG, PNG ou WebP.",
  'The server cannot be reached: check the network, and whether it is running.':
    "Le serveur est injoignable : vérifiez le réseau, et s'il tourne.",
  'The server did not answer in time.': "Le serveur n'a pas répondu à temps.",
  'The call was ended before it had begun.': "L'appel a été terminé avant d'avoir commencé.",
  'There is no call; join first.': "Il n'y a pas d'appel ; rejoignez-le d'abord.",
  'The chosen loudspeaker cannot be used; the one before plays on.':
    'Le haut-parleur choisi ne peut pas être utilisé ; le précédent continue.',
  'This browser cannot draw with WebGL 2; use the video instead.':
    'Ce navigateur ne peut pas dessiner avec WebGL 2 ; utilisez la vidéo.',
  'The server is about to restart; this call comes back by itself.':
    'Le serveur va redémarrer ; l’appel reprendra tout seul.',
  'Sound and picture cannot get through: this network seems to block them. Use another network, or ask the operator for a TURN server.':
    'Le son et l’image ne passent pas : ce réseau semble les bloquer. Utilisez un autre réseau, ou demandez à l’exploitant un serveur TURN.',
  'The server is restarting. Back in a moment …': 'Le serveur redémarre. On reprend dans un instant …',
  'This face is for invited visitors: open the link that you were given, or ask whoever runs this page for one.':
    'Ce visage est réservé aux visiteurs invités : ouvrez le lien que vous avez reçu, ou demandez-en un à qui gère cette page.',
  'Your link or key is not valid any more: ask whoever runs this page for another.':
    'Votre lien ou votre clé n’est plus valable : demandez-en un autre à qui gère cette page.',
  'The server cannot be reached yet; check the network, and whether it is running. Trying again …':
    'Le serveur est encore injoignable ; vérifiez le réseau, et s’il fonctionne. Nouvel essai …',
  'The text is too long: at most {} characters and {} kB are taken at once; send it in parts.':
    'Le texte est trop long : au plus {} caractères et {} ko à la fois ; envoyez-le en plusieurs parties.',
  'The time for this call is over; join again for another one.':
    'Le temps de cet appel est écoulé ; rejoignez-en un autre.',
};
