"""The only words there are: for values that may leave for a model, and for sentences of a model.

Both lists are closed. A value of telemetry leaves in plain only if it is made of `VALUE_WORDS` (or
is a name that this installation's own files use); a sentence of a model stands only if each word
of it is in `SENTENCE_WORDS` or is bound to evidence. So there is no word for doing anything, for
an address, for a number, or for a thing that the evidence does not know.
"""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Capitals that name nothing.
EVERYDAY = _words("UTC SLO HTTP API OK I")

# Names that must not slip in as ordinary words at the start of a sentence or in lower case.
VENDORS = _words(
    "stripe adyen mollie paypal klarna braintree worldpay square sofort giropay ideal visa "
    "mastercard amex twint apple google amazon aws azure cloudflare fastly shopify kubernetes "
    "postgres postgresql redis kafka nginx"
)

# Ordinary language that may also be a value of a field somewhere in the evidence.
COMMON = _words(
    "card cards payment payments checkout checkouts shop deploy flag config dependency other "
    "provider region country method release channel step technical unrelated service before after "
    "expired failed unknown web app mobile in at on by is it no an as or"
)

# Joined words that are no identifiers.
COMPOUNDS = _words(
    "critical-path self-time non-zero near-zero time-out time-outs well-known most-affected "
    "long-running short-lived high-confidence low-confidence error-free and/or pre-onset "
    "post-onset"
)

# Of shops, payments and failures; a value of a field may be made of them, a sentence may use them.
TECHNICAL = _words(
    "account amount authentication authorization authorized bad balance bank banks basket "
    "browser cache canary cancelled capture captured card cards cart carts certificate "
    "change changed changes channel channels checkout checkouts client code codes completed "
    "config configuration connection connections countries country credit critical currency "
    "customer customers database debit decline declined declines declining degraded delay "
    "delayed denied dependencies dependency deploy deployed deployment deploys desktop "
    "device devices dns down endpoint error errors event events exceeded exhausted expired "
    "expiry fail failed failing fails failure failures fallback feature field fields flag "
    "flags fraud frontend full funds funnel gateway generic good host hosts inactive "
    "incident infrastructure insufficient internal invalid invoice issuer job latency limit "
    "line link load lock log logs major message messages method methods minor mobile network "
    "onset open operation operations order orders other outage outages overload page pages "
    "parent partial password path payment payments peak pending platform pool pooled port "
    "processing processor provider providers proxy query queue quota rate rated rates "
    "redirect refund refunded refunds refused region regions rejected release released "
    "releases request requests reset response responses retries retry rolled rollout route "
    "routing rule sale sales schema segment segments self server servers service services "
    "session sessions shipping shop shops signature skew slice slices slow socket source "
    "sources span spans status step steps storage store succeeded success tax technical "
    "template templates test threshold throttled time timeout timeouts timing tls total "
    "trace traces traffic transfer unauthorized unavailable unit units unknown unreachable "
    "unrelated upstream usage user users valid validation value values vendor verification "
    "version versions volume wallet web webhook wire worker write zone"
)

# Names that anybody may know: they may leave, and a sentence may only use them bound.
PLACES = _words(
    "eu us ap sa af me ca uk emea apac north south east west central northeast northwest southeast "
    "southwest europe america asia africa"
)
METHODS = _words(
    "sepa ach blik bancontact eps p24 pix ideal paypal klarna alipay wechat afterpay clearpay "
    "sofort giropay twint pay ios android"
)
COUNTRIES = _words(
    "AD AE AR AT AU BA BE BG BR CA CH CL CN CO CY CZ DE DK EE EG ES FI FR GB GE GR HK HR HU ID IE "
    "IL IN IS IT JP KE KR LI LT LU LV MA MC MT MX MY NG NL NO NZ PE PH PL PT RO RS SA SE SG SI SK "
    "TH TN TR TW UA UK US UY VN ZA"
)
CURRENCIES = _words(
    "AED ARS AUD BGN BRL CAD CHF CLP CNY COP CZK DKK EGP EUR GBP HKD HRK HUF IDR ILS INR ISK JPY "
    "KES KRW MAD MXN MYR NGN NOK NZD PEN PHP PLN RON RSD SAR SEK SGD THB TRY TWD UAH USD UYU VND "
    "ZAR"
)
VALUE_WORDS = TECHNICAL | VENDORS | PLACES | METHODS

# What sentences of each sort are told by.
FAILING = _words(
    "fail failed failing fails failure failures bad error errors break breaks broken breaking "
    "broke down outage unavailable refused rejected denied expired lost slow slower delayed "
    "degraded missing stopped"
)
WORKING = _words("succeed succeeds succeeded succeeding success healthy good fine working works")
ELSEWHERE = _words("elsewhere other others outside rest remaining else beyond")
USUALLY = _words(
    "before earlier previously usual usually normal normally healthy baseline prior until expected "
    "typical typically formerly"
)
CAUSAL = _words(
    "cause caused causes causing because due responsible blame blamed culprit reason triggered "
    "trigger triggers behind led introduced attributed driven linked"
)
NEGATING = _words("no not never none nothing neither nor cannot without unrelated hardly")
UNTELLABLE = _words("cannot unknown unclear undetermined inconclusive")
CHANGING = _words(
    "change changed changes deploy deployed deploys deployment release released releases rollout "
    "rolled flag flags config configuration version versions dependency dependencies canary"
)
OUTSIDE = _words(
    "provider providers vendor vendors traffic certificate dns network infrastructure bank banks "
    "issuer customer customers upstream"
)

# What is no attempt, and so never what counts of attempts are of.
OTHER_THINGS = _words(
    "deploys deployments releases changes services regions countries providers customers "
    "users banks hosts servers versions flags spans traces logs messages methods channels "
    "devices fields gateways dependencies sources steps values minutes invoices incident"
)

# Plain English around figures and names. No verb here asks anybody to do anything.
_ENGLISH = _words(
    "ones a about above across affect affected affecting affects after against ago ahead all "
    "almost alone along already also although always among amounts an and another any appear "
    "appears are around arrive arrived arriving as at attempt attempted attempts average "
    "away be became because become been began begin beginning begins behind being between "
    "both but by came cases clear clearly come comes coming concentrated confined consistent "
    "correlate correlates cost costing costs could currently did different do does during "
    "each either end ended ending ends entire entirely especially even every evidence "
    "explained few fewer first follow followed following follows for found frequent "
    "frequently from further had happen happened happening happens has have having here high "
    "higher highest hit hits hitting hour hours however if impact impacted in increase "
    "increased increases instead into is it its itself just known large larger largest last "
    "late later least less likely limited little long longer made main mainly many may "
    "measured median might minute minutes money more most mostly much near nearly new newest "
    "now occur occurred occurring occurs of off often on once only onto or our ours out over "
    "own part particular particularly per percent perhaps plausible point points possible "
    "possibly present probable probably provider providers ran rather reach reached reaches "
    "relation remain remains report reported reports revenue rise rising rose runs same saw "
    "say second seconds see seem seems seen several share shared shares sharp sharply short "
    "show showed shown shows sign signs similar since so soon spend spent stand stands start "
    "started starting starts stay stayed still such suddenly take taken takes taking tell "
    "tells than that the their them then there these they this those though through "
    "throughout time times to together told too took touch touched touches toward towards "
    "under up upon usual value very via was were what when where whereas whether which while "
    "who whole whose why with within worth would yet"
)
_REPORTING = _words(
    "accounts approximately associated bulk common compared dominant elevated experiencing "
    "impacting indicate indicated indicates isolated matches mode modes overall predominantly "
    "related responding returning roughly seeing spike spiked strong strongly suggest suggests "
    "timed timing versus via"
)
SENTENCE_WORDS = (
    (_ENGLISH | TECHNICAL | FAILING | WORKING | ELSEWHERE | USUALLY | CAUSAL | NEGATING)
    | UNTELLABLE
    | _REPORTING
    | CHANGING
    | OUTSIDE
) - _words("password reset open lock write redirect throttled retry retries cancelled query")
