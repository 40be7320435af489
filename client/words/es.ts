/** The page's words in Spanish, by the English ones. */
import type { English } from '../words.ts';

export const es: Readonly<Record<English, string>> = {
  Join: 'Entrar',
  'Join again': 'Entrar otra vez',
  'Tap to hear': 'Tocar para oír',
  'Joining …': 'Conectando…',
  'The connection was lost. Reconnecting …': 'Se perdió la conexión. Reconectando…',
  Listening: 'Escucha',
  Thinking: 'Piensa',
  Speaking: 'Habla',
  'This face is synthetic: a picture, brought to life by a computer.':
    'Esta cara es sintética: una imagen a la que un ordenador da vida.',
  'Change face': 'Cambiar de cara',
  Conversation: 'Conversación',
  'Face & settings': 'Cara y ajustes',
  'Loading …': 'Cargando…',
  'Close this message': 'Cerrar este mensaje',
  'Microphone on': 'Micrófono encendido',
  'Microphone off': 'Micrófono apagado',
  Hold: 'Mantener',
  Interrupt: 'Parar',
  'Sound on': 'Sonido activado',
  'Sound off': 'Sonido desactivado',
  Captions: 'Texto',
  Statistics: 'Datos',
  End: 'Acabar',
  You: 'Usted',
  'Another visitor': 'Otra persona',
  'The face': 'La cara',
  Note: 'Nota',
  'Hello! Who are you?': '¡Hola! ¿Quién es usted?',
  'What can you do for me?': '¿Qué puede hacer por mí?',
  'When are you open?': '¿Cuándo abren?',
  'What was said': 'Lo que se ha dicho',
  'What becomes of the text': 'Qué se hace con el texto',
  'Talk to the face': 'Hablar con la cara',
  'Say exactly this': 'Decir exactamente esto',
  'What the face should say': 'Lo que debe decir la cara',
  'Your message': 'Su mensaje',
  'Type to the face …': 'Escriba a la cara…',
  Speak: 'Decir',
  Send: 'Enviar',
  'What the face says appears here.': 'Aquí aparece lo que dice la cara.',
  'Press {}.': 'Pulse {}.',
  'Press {} and speak, or type. Interrupt at any time.': 'Pulse {} y hable, o escriba. Interrumpa cuando quiera.',
  interrupted: 'interrumpido',
  'Choose a face': 'Elegir una cara',
  'Use your own picture': 'Usar una imagen propia',
  'May this face speak?': '¿Puede hablar esta cara?',
  'You are about to animate {}. Use only pictures of yourself, of people who agreed to it, or works that are free to use. Your picture appears in your gallery only. This server keeps the face made of it, not the file, until it stops at most.':
    'Va a animar {}. Use solo imágenes suyas, de personas que lo hayan consentido u obras de uso libre. Su imagen aparece solo en su galería. Este servidor guarda la cara hecha con ella, no el archivo, como mucho hasta que se detiene.',
  Cancel: 'Cancelar',
  'Yes, I may use it': 'Sí, puedo usarla',
  Voice: 'Voz',
  'A woman’s voice': 'Voz de mujer',
  'Eyes and mood': 'Mirada y ánimo',
  'Look at me': 'Mírame',
  'Reset all': 'Restablecer todo',
  Distance: 'Distancia',
  'Head motion': 'Movimiento',
  Expressiveness: 'Expresividad',
  happy: 'alegre',
  surprised: 'sorprendido',
  sad: 'triste',
  angry: 'enfadado',
  'Sound and picture': 'Sonido e imagen',
  Microphone: 'Micrófono',
  Loudspeaker: 'Altavoz',
  'The system’s own': 'El del sistema',
  'Push to talk (hold the space bar or the button)': 'Pulsar para hablar (barra espaciadora o botón)',
  'Draw the face here, on this machine’s graphics': 'Dibujar la cara aquí, con la gráfica de este equipo',
  'Mirror: the face says what I say': 'Espejo: la cara dice lo que digo yo',
  'Connect a program': 'Conectar un programa',
  'A person has been asked for.': 'Se ha pedido una persona.',
  'The microphone was not allowed. Allow it in the address bar of the browser (the icon left of the address), then turn the microphone on again. You can always type.':
    'No se permitió el micrófono. Permítalo en la barra de direcciones del navegador (el icono a la izquierda) y encienda otra vez el micrófono. Siempre puede escribir.',
  'No microphone was found. Plug one in and turn it on again, or type.':
    'No se encontró ningún micrófono. Conecte uno y enciéndalo otra vez, o escriba.',
  'The microphone is in use by another program. Close that program and turn the microphone on again, or type.':
    'Otro programa usa el micrófono. Ciérrelo y encienda otra vez el micrófono, o escriba.',
  'The chosen microphone is gone. Choose another one under Face & settings.':
    'El micrófono elegido ya no está. Elija otro en Cara y ajustes.',
  'Browsers give the microphone to secure pages only. Open this page over https, or on localhost; typing works here too.':
    'Los navegadores solo dan el micrófono a páginas seguras. Abra esta página por https o en localhost; escribir también funciona aquí.',
  'The microphone cannot be opened ({}). You can always type.':
    'El micrófono no se puede abrir ({}). Siempre puede escribir.',
  'The microphone was unplugged or taken away. Turn the microphone on to use another one, or type.':
    'El micrófono se ha desconectado. Encienda el micrófono para usar otro, o escriba.',
  'The gallery cannot be loaded: {}': 'La galería no se puede cargar: {}',
  'This browser has no WebRTC, or it is switched off: use a current Firefox, Chrome, Edge or Safari.':
    'Este navegador no tiene WebRTC, o está desactivado: use un Firefox, Chrome, Edge o Safari actual.',
  'There is no face “{}” here; this is “{}”.': 'Aquí no hay ninguna cara «{}»; esta es «{}».',
  'There is no voice “{}” here; the face speaks with “{}”.': 'Aquí no hay ninguna voz «{}»; la cara habla con «{}».',
  'Looking at {} …': 'Mirando {} …',
  '{} is not a picture: choose a JPEG, PNG or WebP.': '{} no es una imagen: elija un JPEG, PNG o WebP.',
  'The server cannot be reached: check the network, and whether it is running.':
    'No se llega al servidor: compruebe la red, y si está en marcha.',
  'The server did not answer in time.': 'El servidor no ha respondido a tiempo.',
  'The call was ended before it had begun.': 'La llamada terminó antes de empezar.',
  'There is no call; join first.': 'No hay llamada; entre primero.',
  'The chosen loudspeaker cannot be used; the one before plays on.':
    'El altavoz elegido no se puede usar; sigue sonando el anterior.',
  'This browser cannot draw with WebGL 2; use the video instead.':
    'Este navegador no puede dibujar con WebGL 2; use el vídeo.',
  'The server is about to restart; this call comes back by itself.':
    'El servidor se reiniciará enseguida; la llamada vuelve por sí sola.',
  'Sound and picture cannot get through: this network seems to block them. Use another network, or ask the operator for a TURN server.':
    'El sonido y la imagen no llegan: esta red parece bloquearlos. Use otra red o pida al operador un servidor TURN.',
  'The server is restarting. Back in a moment …': 'El servidor se está reiniciando. Enseguida seguimos …',
  'This face is for invited visitors: open the link that you were given, or ask whoever runs this page for one.':
    'Esta cara es para visitantes invitados: abra el enlace que le dieron o pida uno a quien gestiona esta página.',
  'Your link or key is not valid any more: ask whoever runs this page for another.':
    'Su enlace o clave ya no es válido: pida otro a quien gestiona esta página.',
  'The server cannot be reached yet; check the network, and whether it is running. Trying again …':
    'Aún no se puede acceder al servidor; compruebe la red y si está en marcha. Nuevo intento …',
  'The text is too long: at most {} characters and {} kB are taken at once; send it in parts.':
    'El texto es demasiado largo: como máximo {} caracteres y {} kB de una vez; envíelo por partes.',
  'The time for this call is over; join again for another one.':
    'El tiempo de esta llamada ha terminado; únase de nuevo para otra.',
};
