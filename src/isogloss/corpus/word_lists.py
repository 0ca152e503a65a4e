"""Word lists of English: the closed word classes, for telling function words from content words, and affixes.

Determiners, pronouns, prepositions, conjunctions, auxiliaries and modals with their contractions, particles,
wh-words, negation. Lower case. Words of open classes that are merely frequent (`good`, `time`) are not here.
The affixes are the common derivational and inflectional ones; whether a word is derived by one is not checked.
"""

_DETERMINERS = "a an the this that these those each every either neither some any no all both half such another other"
_QUANTIFIERS = "much many more most few fewer fewest little less least several enough"
_PRONOUNS = """
    i me my mine myself we us our ours ourselves you your yours yourself yourselves thou thee thy thine he him his
    himself she her hers herself it its itself they them their theirs themselves one oneself someone somebody
    something anyone anybody anything everyone everybody everything nobody nothing none others there
"""
_WH = """
    who whom whose which what when where why how whoever whomever whichever whatever whenever wherever however
"""
_PREPOSITIONS = """
    about above across after against along alongside amid amidst among amongst around as at before behind below
    beneath beside besides between beyond by concerning despite down during except for from in inside into like
    minus near of off on onto opposite out outside over past per plus regarding since than through throughout till
    to toward towards under underneath unlike until unto up upon via versus vs with within without
"""
_CONJUNCTIONS = "and or nor but so yet if unless because although though while whereas whether lest once and/or"
_AUXILIARIES = """
    be am is are was were being been do does did doing done have has had having will would shall should can could
    may might must ought
"""
_CONTRACTIONS = """
    i'm i've i'll i'd you're you've you'll you'd he's he'll he'd she's she'll she'd it's it'll it'd we're we've
    we'll we'd they're they've they'll they'd that's that'll that'd there's there'll there'd who's who've who'll
    who'd what's what're what'll where's when's why's how's here's let's ain't isn't aren't wasn't weren't don't
    doesn't didn't haven't hasn't hadn't won't wouldn't shan't shouldn't can't cannot couldn't mayn't mightn't
    mustn't oughtn't needn't daren't could've would've should've might've must've
    n't 's 'm 're 've 'll 'd ca wo sha
"""
_PARTICLES = "not too also only even just then else yes ok"

FUNCTION_WORDS = frozenset(
    " ".join(
        (
            _DETERMINERS,
            _QUANTIFIERS,
            _PRONOUNS,
            _WH,
            _PREPOSITIONS,
            _CONJUNCTIONS,
            _AUXILIARIES,
            _CONTRACTIONS,
            _PARTICLES,
        )
    ).split()
)

_SUFFIXES = """
    able ably acy age al ance ant ary ate ation ed ee en ence ent er ery ess est ful hood ial ian ible ic ical ied
    ier ies iest ify ing ion ious ish ism ist ity ive ization ize ized izing less like ling ly ment ness or ory ous
    s ship sion some th tion tional ty ual ure ward wards wise y
"""
_PREFIXES = """
    anti auto bi co counter de dis down em en ex extra fore hyper il im in inter intra ir macro mal mega micro mid
    mini mis mono multi non out over para poly post pre pro pseudo re semi sub super trans tri ultra un under uni up
"""
SUFFIXES = tuple(_SUFFIXES.split())
PREFIXES = tuple(_PREFIXES.split())
