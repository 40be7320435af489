/** The page's words in Italian, by the English ones. */
import type { English } from '../words.ts';

export const it: Readonly<Record<English, string>> = {
  Join: 'Entra',
  'Join again': 'Entra di nuovo',
  'Tap to hear': 'Tocca per ascoltare',
  'Joining …': 'Collegamento…',
  'The connection was lost. Reconnecting …': 'La connessione è caduta. Nuovo tentativo…',
  Listening: 'Ascolta',
  Thinking: 'Pensa',
  Speaking: 'Parla',
  'This face is synthetic: a picture, brought to life by a computer.':
    'Questo volto è sintetico: un’immagine animata da un computer.',
  'Change face': 'Cambia volto',
  Conversation: 'Conversazione',
  'Face & settings': 'Volto e impostazioni',
  'Loading …': 'Caricamento…',
  'Close this message': 'Chiudi questo messaggio',
  'Microphone on': 'Microfono acceso',
  'Microphone off': 'Microfono spento',
  Hold: 'Tieni',
  Interrupt: 'Ferma',
  'Sound on': 'Audio attivo',
  'Sound off': 'Audio disattivo',
  Captions: 'Testo',
  Statistics: 'Dati',
  End: 'Chiudi',
  You: 'Lei',
  'Another visitor': 'Un’altra persona',
  'The face': 'Il volto',
  Note: 'Nota',
  'Hello! Who are you?': 'Buongiorno! Lei chi è?',
  'What can you do for me?': 'Che cosa può fare per me?',
  'When are you open?': 'Quando siete aperti?',
  'What was said': 'Che cosa è stato detto',
  'What becomes of the text': 'Che cosa si fa del testo',
  'Talk to the face': 'Parla con il volto',
  'Say exactly this': 'Di’ esattamente questo',
  'What the face should say': 'Che cosa deve dire il volto',
  'Your message': 'Il suo messaggio',
  'Type to the face …': 'Scriva al volto…',
  Speak: 'Fai dire',
  Send: 'Invia',
  'What the face says appears here.': 'Qui appare che cosa dice il volto.',
  'Press {}.': 'Prema {}.',
  'Press {} and speak, or type. Interrupt at any time.': 'Prema {} e parli, oppure scriva. Interrompa quando vuole.',
  interrupted: 'interrotto',
  'Choose a face': 'Scegli un volto',
  'Use your own picture': 'Usa una tua immagine',
  'May this face speak?': 'Questo volto può parlare?',
  'You are about to animate {}. Use only pictures of yourself, of people who agreed to it, or works that are free to use. Your picture appears in your gallery only. This server keeps the face made of it, not the file, until it stops at most.':
    'Sta per animare {}. Usi solo immagini sue, di persone che lo consentono o opere libere. La sua immagine appare solo nella sua galleria. Questo server tiene il volto che ne ricava, non il file, al massimo finché resta acceso.',
  Cancel: 'Annulla',
  'Yes, I may use it': 'Sì, posso usarla',
  Voice: 'Voce',
  'A woman’s voice': 'Voce di donna',
  'Eyes and mood': 'Sguardo e umore',
  'Look at me': 'Guardami',
  'Reset all': 'Ripristina tutto',
  Distance: 'Distanza',
  'Head motion': 'Movimento',
  Expressiveness: 'Espressività',
  happy: 'felice',
  surprised: 'sorpreso',
  sad: 'triste',
  angry: 'arrabbiato',
  'Sound and picture': 'Audio e immagine',
  Microphone: 'Microfono',
  Loudspeaker: 'Altoparlante',
  'The system’s own': 'Quello di sistema',
  'Push to talk (hold the space bar or the button)': 'Premi per parlare (barra spaziatrice o pulsante)',
  'Draw the face here, on this machine’s graphics': 'Disegna il volto qui, con la grafica di questo computer',
  'Mirror: the face says what I say': 'Specchio: il volto dice quello che dico io',
  'Connect a program': 'Collega un programma',
  'A person has been asked for.': 'È stata richiesta una persona.',
  'The microphone was not allowed. Allow it in the address bar of the browser (the icon left of the address), then turn the microphone on again. You can always type.':
    'Il microfono non è stato permesso. Lo permetta nella barra degli indirizzi del browser (l’icona a sinistra) e accenda ancora il microfono. Può sempre scrivere.',
  'No microphone was found. Plug one in and turn it on again, or type.':
    'Non è stato trovato nessun microfono. Ne colleghi uno e lo accenda, oppure scriva.',
  'The microphone is in use by another program. Close that program and turn the microphone on again, or type.':
    'Un altro programma usa il microfono. Lo chiuda e accenda ancora il microfono, oppure scriva.',
  'The chosen microphone is gone. Choose another one under Face & settings.':
    'Il microfono scelto non c’è più. Ne scelga un altro in Volto e impostazioni.',
  'Browsers give the microphone to secure pages only. Open this page over https, or on localhost; typing works here too.':
    'I browser danno il microfono solo alle pagine sicure. Apra questa pagina con https o su localhost; scrivere funziona anche qui.',
  'The microphone cannot be opened ({}). You can always type.':
    'Il microfono non si può aprire ({}). Scrivere si può sempre.',
  'The microphone was unplugged or taken away. Turn the microphone on to use another one, or type.':
    'Il microfono è stato staccato o tolto. Accenda il microfono per usarne un altro, oppure scriva.',
  'The gallery cannot be loaded: {}': 'La galleria non si può caricare: {}',
  'This browser has no WebRTC, or it is switched off: use a current Firefox, Chrome, Edge or Safari.':
    'Questo browser non ha WebRTC, o è disattivato: usi un Firefox, Chrome, Edge o Safari recente.',
  'There is no face “{}” here; this is “{}”.': 'Qui non c’è un volto «{}»; questo è «{}».',
  'There is no voice “{}” here; the face speaks with “{}”.': 'Qui non c’è una voce «{}»; il volto parla con «{}».',
  'Looking at {} …': 'Guardo {} …',
  '{} is not a picture: choose a JPEG, PNG or WebP.': '{} non è un’immagine: scelga un JPEG, PNG o WebP.',
  'The server cannot be reached: check the network, and whether it is running.':
    'Il server non si raggiunge: controlli la rete, e se è in funzione.',
  'The server did not answer in time.': 'Il server non ha risposto in tempo.',
  'The call was ended before it had begun.': 'La chiamata è finita prima di cominciare.',
  'There is no call; join first.': 'Non c’è una chiamata; prima entri.',
  'The chosen loudspeaker cannot be used; the one before plays on.':
    'L’altoparlante scelto non si può usare; continua quello di prima.',
  'This browser cannot draw with WebGL 2; use the video instead.':
    'Questo browser non sa disegnare con WebGL 2; usi il video.',
  'The server is about to restart; this call comes back by itself.':
    'Il server sta per riavviarsi; la chiamata riprende da sola.',
  'Sound and picture cannot get through: this network seems to block them. Use another network, or ask the operator for a TURN server.':
    'Audio e video non passano: questa rete sembra bloccarli. Usi un’altra rete, o chieda al gestore un server TURN.',
  'The server is restarting. Back in a moment …': 'Il server si sta riavviando. Si riprende tra un attimo …',
  'This face is for invited visitors: open the link that you were given, or ask whoever runs this page for one.':
    'Questo volto è per i visitatori invitati: apra il link che ha ricevuto, o ne chieda uno a chi gestisce questa pagina.',
  'Your link or key is not valid any more: ask whoever runs this page for another.':
    'Il suo link o la sua chiave non è più valida: ne chieda un’altra a chi gestisce questa pagina.',
  'The server cannot be reached yet; check the network, and whether it is running. Trying again …':
    'Il server non è ancora raggiungibile; controlli la rete e se è in funzione. Nuovo tentativo …',
  'The text is too long: at most {} characters and {} kB are taken at once; send it in parts.':
    'Il testo è troppo lungo: al massimo {} caratteri e {} kB per volta; lo invii in più parti.',
  'The time for this call is over; join again for another one.':
    'Il tempo di questa chiamata è finito; si unisca di nuovo per un’altra.',
};
