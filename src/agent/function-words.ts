/**
 * The small words of a language: they tell languages apart in a short sentence, and say nothing about what is asked for. Words of one language
 * only, or of few; without those that are also names or words of content.
 */
export const FUNCTION_WORDS: Readonly<Record<string, readonly string[]>> = {
  en: words(
    'the a an and or but is are was were be been am do does did have has had i you he she it we they me my your his her its our their this that these those there here what when where who how why which can could would will should shall may might must not no yes to of in on at for from with by about think into than then so if as please some any just also too hello hi thanks thank okay want need know like tell get',
  ),
  de: words(
    'der die das den dem des ein eine einen einem einer eines und oder aber ist sind war waren bin bist sein habe hast hat haben hatte ich du er sie es wir ihr mich mir dich dir sich uns euch mein meine meinen dein deine ihre ihren dies diese dieser dieses was wann wo wer wie warum welche welcher welches kann können könnte könnten würde will wollen soll muss müssen möchte möchten nicht kein keine nein ja zu zum zur von vom in im an am auf für aus mit bei um über nach als dann so wenn auch noch mal bitte hallo guten danke etwas gibt es man wird werden habt hab sagen denn nur',
  ),
  it: words(
    'il lo la i gli le un uno una e ed o ma è sono era sei siete siamo ho hai ha abbiamo avete hanno io tu lui lei noi voi loro mi ti ci vi si mio mia tuo tua suo sua questo questa quello quella che chi cosa quando dove come perché quale quali quanto quanta quanti posso può potete potrei vorrei voglio devo non no sì di del della dei delle dello a al alla ai alle da dal dalla in nel nella su sul sulla con per tra fra se anche più ancora per favore ciao buongiorno buonasera salve grazie prego c’è c’e ce molto dov’è cos’è allora avere sapere',
  ),
  es: words(
    'el la los las un una unos unas y e o pero es son era eres soy está están estoy hay he has ha hemos han yo tú él ella usted nosotros ustedes ellos me te se nos mi mis tu su sus este esta esto estos ese esa eso que qué cuando cuándo donde dónde quien quién como cómo por porqué cual cuál cuanto cuánto cuánta cuántos puedo puede pueden podría quiero quisiera querría debo no sí de del a al en con para sin sobre si también más muy hola buenos buenas gracias favor tengo tiene tienen ser saber',
  ),
  fr: words(
    'le la les l un une des du de et ou où mais est sont était êtes suis es ai as a avons avez ont je j tu il elle on nous vous ils elles me te se mon ma mes ton ta votre vos son sa ses ce cet cette ces ça que qu’est quoi quand qui comment pourquoi quel quelle quels quelles combien puis peut pouvez pourrais voudrais veux dois ne n pas non oui à au aux en dans sur avec pour par si aussi plus très y bonjour bonsoir salut merci plaît plait svp c’est est-ce est-il coûte avoir savoir faut',
  ),
  pt: words(
    'o a os as um uma e ou mas é são era está estão sou eu você ele ela nós eles me se meu minha seu sua este esta isto esse isso que quando onde quem como porque qual quais quanto quantos posso pode podem gostaria quero não sim de do da dos das em no na nos nas com para por sem sobre também mais muito olá oi bom obrigado obrigada tem tenho há ao à',
  ),
  nl: words(
    'de het een en of maar is zijn was ben bent heb hebt heeft hebben ik jij je u hij zij ze wij we jullie mij mijn jouw uw dit dat deze die wat wanneer waar wie hoe waarom welke kan kunnen kunt zou wil willen moet niet geen nee ja te van in op aan voor uit met bij om over naar als dan ook nog graag alstublieft hallo dank bedankt er hier veel wordt worden',
  ),
};

/** A list in one line, each word once. */
export function words(list: string): readonly string[] {
  return [...new Set(list.split(' '))];
}
