package core

import "time"

// BudgetName names how often something may be done before it is refused for a
// while. The catalogue is [Budgets].
type BudgetName string

// The budgets.
const (
	// BudgetTries is what one network may get wrong, whosever account it tries.
	BudgetTries BudgetName = "tries"
	// BudgetUserCodes is how many codes of devices one network may type in that
	// are none.
	BudgetUserCodes BudgetName = "user_codes"
	// BudgetFlows is how many flows one network may begin, in the browser or for a
	// device that waits.
	BudgetFlows BudgetName = "flows"
	// BudgetMails is how many mails one network may cause.
	BudgetMails BudgetName = "mails"
	// BudgetMailsOfKind is how soon a mailbox gets another mail of one kind.
	BudgetMailsOfKind BudgetName = "mails_of_kind"
	// BudgetMailsTo is how many mails a mailbox gets that anybody may ask for.
	BudgetMailsTo BudgetName = "mails_to"
	// BudgetMailsOfPool is how many of those mails all of a pool sends.
	BudgetMailsOfPool BudgetName = "mails_of_pool"
	// BudgetTexts is how many text messages one network may cause.
	BudgetTexts BudgetName = "texts"
	// BudgetTextsSoon is how soon a telephone number gets another message.
	BudgetTextsSoon BudgetName = "texts_soon"
	// BudgetTextsTo is how many text messages a telephone number gets.
	BudgetTextsTo BudgetName = "texts_to"
	// BudgetTextsOfPool is how many text messages all of a pool sends.
	BudgetTextsOfPool BudgetName = "texts_of_pool"
)

// Budget is a line of the table of budgets.
type Budget struct {
	Name    BudgetName
	Each    string // of what each has a budget of its own
	Setting string // which settings say how much it is
	Short   func(Settings) Limit
	Long    func(Settings) Limit // nil: the short one is all
}

// Limit is how often something may be done in a stretch of time, which begins
// when it is first done. With either part zero there is no limit.
type Limit struct {
	Most int
	In   time.Duration
}

// Budgets is every budget: of what each has one of its own, how much it is,
// and where that is set.
func Budgets() []Budget {
	return []Budget{
		{BudgetTries, "client network", "budget.tries_per_minute, budget.tries_per_hour",
			func(s Settings) Limit { return Limit{s.TriesPerMinute, time.Minute} }, func(s Settings) Limit { return Limit{s.TriesPerHour, time.Hour} }},
		{BudgetUserCodes, "client network", "budget.tries_per_minute",
			func(s Settings) Limit { return Limit{min(userCodeTries, s.TriesPerMinute), time.Minute} }, nil},
		{BudgetFlows, "client network", "budget.flows_per_minute",
			func(s Settings) Limit { return Limit{s.FlowsPerMinute, time.Minute} }, nil},
		{BudgetMails, "client network", "budget.mails_per_hour",
			func(s Settings) Limit { return Limit{s.MailsPerHour, time.Hour} }, nil},
		{BudgetMailsOfKind, "mailbox and kind of mail", "link.resend_after",
			func(s Settings) Limit { return Limit{1, time.Duration(s.LinkResend)} }, nil},
		{BudgetMailsTo, "mailbox", "budget.mails_to_one_per_hour, budget.mails_to_one_per_day",
			func(s Settings) Limit { return Limit{s.MailsToOnePerHour, time.Hour} }, func(s Settings) Limit { return Limit{s.MailsToOnePerDay, 24 * time.Hour} }},
		{BudgetMailsOfPool, "pool", "budget.mails_per_day",
			func(s Settings) Limit { return Limit{s.MailsPerDay, 24 * time.Hour} }, nil},
		{BudgetTexts, "client network", "budget.texts_per_hour",
			func(s Settings) Limit { return Limit{s.TextsPerHour, time.Hour} }, nil},
		{BudgetTextsSoon, "telephone number", "code.resend_after",
			func(s Settings) Limit { return Limit{1, time.Duration(s.CodeResend)} }, nil},
		{BudgetTextsTo, "telephone number", "budget.texts_to_one_per_hour, budget.texts_to_one_per_day",
			func(s Settings) Limit { return Limit{s.TextsToOnePerHour, time.Hour} }, func(s Settings) Limit { return Limit{s.TextsToOnePerDay, 24 * time.Hour} }},
		{BudgetTextsOfPool, "pool", "budget.texts_per_day",
			func(s Settings) Limit { return Limit{s.TextsPerDay, 24 * time.Hour} }, nil},
	}
}

// Limits are a budget's limits under a pool's settings, the shorter first.
func (b BudgetName) Limits(s Settings) (short, long Limit) {
	for _, line := range Budgets() {
		if line.Name != b {
			continue
		}
		if line.Long != nil {
			long = line.Long(s)
		}
		return line.Short(s), long
	}
	panic("there is no budget " + string(b))
}

// Lockout is what wrong tries in a row lead to, for one person.
type Lockout struct {
	Free    int           // up to here nothing happens; 0: there are no delays
	First   time.Duration // how long the first delay is; each further one is twice as long
	Longest time.Duration
	Most    int           // with this many wrong tries in a row the password works no more
	Window  time.Duration // without a wrong one for so long, those before make no more delays; 0: they do until one is right
}

// Lockout is the pool's.
func (s Settings) Lockout() Lockout {
	l := Lockout{Free: s.LockoutFailures, First: time.Duration(s.LockoutFirstDelay), Longest: time.Duration(s.LockoutLongestDelay), Most: s.LockoutMost, Window: time.Duration(s.LockoutWindow)}
	if !s.LockoutEnabled {
		l.Free = 0
	}
	return l
}
