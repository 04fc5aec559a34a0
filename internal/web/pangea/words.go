package pangea

import "github.com/gatehouse-id/gatehouse/internal/core"

// phaseWords spells the phases of a flow.
func phaseWords() map[core.Phase]string {
	return map[core.Phase]string{
		core.PhaseOneTime:     "phase_one_time",
		core.PhasePrimary:     "phase_primary",
		core.PhaseCaptcha:     "phase_captcha",
		core.PhaseProfile:     "phase_profile",
		core.PhaseCreateUser:  "phase_create_user",
		core.PhaseVerifyEmail: "phase_verify_email",
		core.PhaseSetPassword: "phase_set_password",
		core.PhaseSecondary:   "phase_secondary",
		core.PhaseAgreements:  "phase_agreements",
		core.PhaseConsent:     "phase_oauth_consent",
		core.PhaseCompleted:   "phase_completed",
	}
}

// choiceWord is one of the vendor's nineteen choices. A choice without a name
// of ours is not built yet.
type choiceWord struct {
	word string
	name core.ChoiceName
}

// choiceWords lists the vendor's choices in the order of its document, and the
// names that its own SDKs send in place of one.
func choiceWords() []choiceWord {
	return []choiceWord{
		{"agreements", core.ChoiceAgreements},
		{"captcha", core.ChoiceCaptcha},
		{"email_otp", core.ChoiceEmailOTP},
		{"magiclink", core.ChoiceMagicLink},
		{"oauth_consent", core.ChoiceConsent},
		{"passkey", core.ChoicePasskey},
		{"password", core.ChoicePassword},
		{"profile", core.ChoiceProfile},
		{"provisional_enrollment", core.ChoiceProvisional},
		{"reset_password", core.ChoiceResetPassword},
		{"saml", core.ChoiceSAML},
		{"set_email", core.ChoiceSetEmail},
		{"set_mail", core.ChoiceSetEmail}, // what the Python, Node and Go SDKs send
		{"set_password", core.ChoiceSetPassword},
		{"set_phone", core.ChoiceSetPhone},
		{"set_username", core.ChoiceSetUsername},
		{"sms_otp", core.ChoiceSMSOTP},
		{"social", core.ChoiceSocial},
		{"totp", core.ChoiceTOTP},
		{"verify_email", core.ChoiceVerifyEmail},
	}
}

// ownChoiceWords lists what the vendor has no choice for. Its SDKs and pages
// pass over what they do not know.
func ownChoiceWords() []choiceWord {
	return []choiceWord{{"recovery_code", core.ChoiceRecoveryCode}}
}

// agreementWords spells the kinds of agreement.
func agreementWords() map[core.AgreementKind]string {
	return map[core.AgreementKind]string{core.AgreementTerms: "eula", core.AgreementPrivacy: "privacy_policy"}
}

// agreementKind reads a kind of agreement; empty for a word that the vendor
// does not have.
func agreementKind(word string) core.AgreementKind {
	for kind, spelled := range agreementWords() {
		if spelled == word {
			return kind
		}
	}
	return ""
}

// choiceName reads a choice. known is false for a word that neither the vendor
// has nor we; the name is empty for one that is not built yet.
func choiceName(word string) (name core.ChoiceName, known bool) {
	for _, c := range append(choiceWords(), ownChoiceWords()...) {
		if c.word == word {
			return c.name, true
		}
	}
	return "", false
}

// choiceWordOf spells a choice.
func choiceWordOf(name core.ChoiceName) string {
	for _, c := range append(choiceWords(), ownChoiceWords()...) {
		if c.name == name && c.word != "set_mail" {
			return c.word
		}
	}
	return string(name)
}
