/** The page's words in German, by the English ones. */
export const de = {
  Join: 'Beitreten',
  'Join again': 'Noch einmal beitreten',
  'Tap to hear': 'Tippen und hören',
  'Joining …': 'Verbinde …',
  'The connection was lost. Reconnecting …': 'Die Verbindung ist abgerissen. Neuer Versuch …',
  Listening: 'Hört zu',
  Thinking: 'Denkt nach',
  Speaking: 'Spricht',
  'This face is synthetic: a picture, brought to life by a computer.':
    'Dieses Gesicht ist künstlich: ein Bild, von einem Computer zum Leben erweckt.',
  'Change face': 'Anderes Gesicht',
  Conversation: 'Gespräch',
  'Face & settings': 'Einstellungen',
  'Loading …': 'Lädt …',
  'Close this message': 'Diese Meldung schließen',
  'Microphone on': 'Mikrofon an',
  'Microphone off': 'Mikrofon aus',
  Hold: 'Halten',
  Interrupt: 'Stopp',
  'Sound on': 'Ton an',
  'Sound off': 'Ton aus',
  Captions: 'Untertitel',
  Statistics: 'Statistik',
  End: 'Beenden',
  You: 'Sie',
  'Another visitor': 'Ein anderer Besucher',
  'The face': 'Das Gesicht',
  Note: 'Hinweis',
  'Hello! Who are you?': 'Hallo! Wer sind Sie?',
  'What can you do for me?': 'Was können Sie für mich tun?',
  'When are you open?': 'Wann haben Sie geöffnet?',
  'What was said': 'Was gesagt wurde',
  'What becomes of the text': 'Was mit dem Text geschieht',
  'Talk to the face': 'Mit dem Gesicht reden',
  'Say exactly this': 'Genau das sagen',
  'What the face should say': 'Was das Gesicht sagen soll',
  'Your message': 'Ihre Nachricht',
  'Type to the face …': 'Schreiben Sie dem Gesicht …',
  Speak: 'Vorsprechen',
  Send: 'Senden',
  'What the face says appears here.': 'Was das Gesicht sagt, erscheint hier.',
  'Press {}.': 'Drücken Sie {}.',
  'Press {} and speak, or type. Interrupt at any time.':
    'Drücken Sie {} und sprechen Sie, oder schreiben Sie. Unterbrechen Sie jederzeit.',
  interrupted: 'unterbrochen',
  'Choose a face': 'Ein Gesicht wählen',
  'Use your own picture': 'Ein eigenes Bild verwenden',
  'May this face speak?': 'Darf dieses Gesicht sprechen?',
  'You are about to animate {}. Use only pictures of yourself, of people who agreed to it, or works that are free to use. Your picture appears in your gallery only. This server keeps the face made of it, not the file, until it stops at most.':
    'Sie beleben gleich {}. Verwenden Sie nur Bilder von sich selbst, von Menschen, die zugestimmt haben, oder freie Werke. Ihr Bild erscheint nur in Ihrer Galerie. Dieser Server behält das daraus gemachte Gesicht, nicht die Datei, höchstens bis er beendet wird.',
  Cancel: 'Abbrechen',
  'Yes, I may use it': 'Ja, ich darf es verwenden',
  Voice: 'Stimme',
  'A woman’s voice': 'Eine Frauenstimme',
  'Eyes and mood': 'Blick und Stimmung',
  'Look at me': 'Schau mich an',
  'Reset all': 'Alles zurücksetzen',
  Distance: 'Abstand',
  'Head motion': 'Kopfbewegung',
  Expressiveness: 'Ausdruck',
  happy: 'fröhlich',
  surprised: 'überrascht',
  sad: 'traurig',
  angry: 'ärgerlich',
  'Sound and picture': 'Ton und Bild',
  Microphone: 'Mikrofon',
  Loudspeaker: 'Lautsprecher',
  'The system’s own': 'Wie das System',
  'Push to talk (hold the space bar or the button)': 'Zum Sprechen halten (Leertaste oder Knopf)',
  'Draw the face here, on this machine’s graphics': 'Das Gesicht hier zeichnen, auf der Grafik dieses Geräts',
  'Mirror: the face says what I say': 'Spiegel: das Gesicht sagt, was ich sage',
  'Connect a program': 'Ein Programm verbinden',
  'A person has been asked for.': 'Es wurde nach einem Menschen gefragt.',
  'The microphone was not allowed. Allow it in the address bar of the browser (the icon left of the address), then turn the microphone on again. You can always type.':
    'Das Mikrofon wurde nicht erlaubt. Erlauben Sie es in der Adresszeile des Browsers (das Zeichen links der Adresse) und schalten Sie das Mikrofon noch einmal ein. Schreiben geht immer.',
  'No microphone was found. Plug one in and turn it on again, or type.':
    'Es wurde kein Mikrofon gefunden. Schließen Sie eines an und schalten Sie es noch einmal ein, oder schreiben Sie.',
  'The microphone is in use by another program. Close that program and turn the microphone on again, or type.':
    'Ein anderes Programm benutzt das Mikrofon. Schließen Sie es und schalten Sie das Mikrofon noch einmal ein, oder schreiben Sie.',
  'The chosen microphone is gone. Choose another one under Face & settings.':
    'Das gewählte Mikrofon ist nicht mehr da. Wählen Sie ein anderes unter Einstellungen.',
  'Browsers give the microphone to secure pages only. Open this page over https, or on localhost; typing works here too.':
    'Browser geben das Mikrofon nur sicheren Seiten. Öffnen Sie diese Seite über https oder auf localhost; schreiben geht auch hier.',
  'The microphone cannot be opened ({}). You can always type.':
    'Das Mikrofon lässt sich nicht öffnen ({}). Schreiben geht immer.',
  'The microphone was unplugged or taken away. Turn the microphone on to use another one, or type.':
    'Das Mikrofon wurde abgezogen oder weggenommen. Schalten Sie es ein, um ein anderes zu benutzen, oder schreiben Sie.',
  'The gallery cannot be loaded: {}': 'Die Galerie lässt sich nicht laden: {}',
  'This browser has no WebRTC, or it is switched off: use a current Firefox, Chrome, Edge or Safari.':
    'Dieser Browser hat kein WebRTC, oder es ist abgeschaltet: nehmen Sie einen aktuellen Firefox, Chrome, Edge oder Safari.',
  'There is no face “{}” here; this is “{}”.': 'Ein Gesicht „{}“ gibt es hier nicht; dies ist „{}“.',
  'There is no voice “{}” here; the face speaks with “{}”.':
    'Eine Stimme „{}“ gibt es hier nicht; das Gesicht spricht mit „{}“.',
  'Looking at {} …': '{} wird angesehen …',
  '{} is not a picture: choose a JPEG, PNG or WebP.': '{} ist kein Bild: wählen Sie ein JPEG, PNG oder WebP.',
  'The server cannot be reached: check the network, and whether it is running.':
    'Der Server ist nicht zu erreichen: prüfen Sie das Netz, und ob er läuft.',
  'The server did not answer in time.': 'Der Server hat nicht rechtzeitig geantwortet.',
  'The call was ended before it had begun.': 'Das Gespräch wurde beendet, bevor es begann.',
  'There is no call; join first.': 'Es gibt kein Gespräch; treten Sie zuerst bei.',
  'The chosen loudspeaker cannot be used; the one before plays on.':
    'Der gewählte Lautsprecher geht nicht; der vorige spielt weiter.',
  'This browser cannot draw with WebGL 2; use the video instead.':
    'Dieser Browser kann nicht mit WebGL 2 zeichnen; nehmen Sie das Video.',
  'The server is about to restart; this call comes back by itself.':
    'Der Server startet gleich neu; das Gespräch kommt von selbst zurück.',
  'Sound and picture cannot get through: this network seems to block them. Use another network, or ask the operator for a TURN server.':
    'Ton und Bild kommen nicht durch: dieses Netz scheint sie zu sperren. Nehmen Sie ein anderes Netz, oder bitten Sie den Betreiber um einen TURN-Server.',
  'The server is restarting. Back in a moment …': 'Der Server startet neu. Gleich geht es weiter …',
  'This face is for invited visitors: open the link that you were given, or ask whoever runs this page for one.':
    'Dieses Gesicht ist für geladene Besucher: öffnen Sie den Link, den Sie bekommen haben, oder bitten Sie den Betreiber dieser Seite um einen.',
  'Your link or key is not valid any more: ask whoever runs this page for another.':
    'Ihr Link oder Schlüssel gilt nicht mehr: bitten Sie den Betreiber dieser Seite um einen neuen.',
  'The server cannot be reached yet; check the network, and whether it is running. Trying again …':
    'Der Server ist noch nicht zu erreichen; prüfen Sie das Netz, und ob er läuft. Neuer Versuch …',
  'The text is too long: at most {} characters and {} kB are taken at once; send it in parts.':
    'Der Text ist zu lang: höchstens {} Zeichen und {} kB gehen auf einmal; schicken Sie ihn in Teilen.',
  'The time for this call is over; join again for another one.':
    'Die Zeit für dieses Gespräch ist um; treten Sie noch einmal bei.',
};
