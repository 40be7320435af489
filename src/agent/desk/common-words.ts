/**
 * Words that are in questions about anything: they have a meaning, but do not say by themselves which topic is asked for. "Where do I find it"
 * is not about whatever topic happens to speak of finding. Per language, as they are typed.
 */
export const COMMON_WORDS: Readonly<Record<string, readonly string[]>> = {
  en: words(
    'one two three four five six seven eight nine ten find found go goes going come comes coming get got getting give gives take takes see look looking make makes made put bring brings use used buy sell sells keep leave leaves meet say said tell told show ask let try work works happen happens mean means wait stay start begin pay allowed possible able good best nice great bad better big huge tiny heavy small new old right wrong sure first last next another other same different more most less few lot lots many much enough still again always never ever already yet now today really very too only maybe else something someone somebody somewhere anything anyone anybody anywhere nothing everything everyone thing things stuff place person people man woman guy friend day time hour minute week month year way kind part side end number name question help problem idea feel feeling near nearby close far away out up down off over around inside outside without us them him because but while if whether wish love like likes prefer recommend suggest special public available free famous there here got cannot can t don isn won',
  ),
  de: words(
    'eins zwei drei vier fünf sechs sieben acht neun zehn finden finde findet gehen gehe geht kommen komme kommt bekommen bekomme geben gib nehmen nehme mitnehmen sehen sehe schauen machen mache macht gemacht bringen mitbringen kaufen verkaufen brauchen brauche braucht lassen bleiben bleibe stellen legen zeigen fragen frage helfen hilfe dürfen darf dürfte gut beste besten besser schön groß klein neu alt richtig falsch erste ersten letzte nächste nächsten andere anderen anderes gleich mehr meisten weniger viel viele vieles genug immer nie jetzt heute hier da dort bald schon alles alle jemand irgendwo irgendwas irgendwie nichts niemand ding sache sachen ort leute person mann frau freund tag zeit stunde stunden minute woche monat jahr weg art teil seite ende nummer name problem idee nahe nähe weit draußen drinnen rein raus hin her weil aber ob wirklich sehr ganz mag empfehlen geeignet möglich erlaubt eigentlich gerade eben doch so',
  ),
  it: words(
    'due tre quattro cinque sei sette otto nove dieci trovare trovo trova andare vado va venire vengo viene prendere prendo dare fare faccio fa fatto vedere vedo mettere metto portare porto usare uso comprare compro vendere vendete lasciare lascio dire mostrare aiutare aiuto bisogno serve buono bello meglio migliore grande piccolo nuovo vecchio primo prima ultimo prossimo altro altra altri stesso più meno molto tanto abbastanza sempre mai ora adesso oggi qui qua lì là qualcosa qualcuno niente tutto tutti cosa cose posto persona persone uomo donna amico giorno tempo ora ore minuto settimana mese anno modo tipo parte fine numero nome problema idea vicino lontano fuori dentro perché ma se davvero proprio consiglia possibile permesso può possiamo',
  ),
  es: words(
    'dos tres cuatro cinco seis siete ocho nueve diez encontrar encuentro encuentra ir voy va venir vengo viene tomar tomo dar hacer hago hace hecho ver veo poner pongo llevar llevo usar uso comprar compro vender venden dejar dejo decir mostrar ayudar ayuda necesito necesita bueno bonito mejor grande pequeño nuevo viejo primero primer último próximo otro otra otros mismo más menos mucho bastante siempre nunca ahora hoy aquí allí algo alguien nada todo todos cosa cosas sitio lugar persona personas hombre mujer amigo día tiempo hora horas minuto semana mes año modo tipo parte final número nombre problema idea cerca lejos fuera dentro porque pero si realmente recomienda posible permitido puedo podemos tenemos tengo',
  ),
  fr: words(
    'deux trois quatre cinq six sept huit neuf dix trouver trouve aller vais va venir viens vient prendre prends donner faire fais fait voir vois mettre mets porter porte apporter utiliser acheter achète vendre vendez laisser laisse dire montrer aider aide besoin faut bon bonne beau mieux meilleur grand petit nouveau vieux premier première dernier prochain autre autres même plus moins beaucoup assez toujours jamais maintenant aujourd hui ici là quelque quelqu chose choses rien tout tous endroit personne personnes homme femme ami jour temps heure heures minute semaine mois année façon type partie fin numéro nom problème idée près loin dehors dedans parce mais si vraiment recommandez possible permis autorisé avons prenons',
  ),
};

function words(list: string): readonly string[] {
  return [...new Set(list.split(' '))];
}
