package authing

import "github.com/gatehouse-id/gatehouse/internal/core"

// outcomes says, for each phase in which a flow may wait when all that one call
// brings was answered, why nobody is signed in. Nil: somebody is.
func outcomes() map[core.Phase]error {
	return map[core.Phase]error{
		core.PhaseOneTime:     faultMoreAsked,
		core.PhasePrimary:     faultMoreAsked,
		core.PhaseCaptcha:     faultMoreAsked,
		core.PhaseProfile:     faultProfileMissing,
		core.PhaseCreateUser:  faultMoreAsked,
		core.PhaseVerifyEmail: faultUnverified,
		core.PhaseSetPassword: faultPasswordDue,
		core.PhaseSecondary:   faultMoreAsked,
		core.PhaseAgreements:  faultMoreAsked,
		core.PhaseConsent:     faultMoreAsked,
		core.PhaseCompleted:   nil,
	}
}

// outcome is why a flow that waits there signs nobody in.
func outcome(phase core.Phase) error {
	why, known := outcomes()[phase]
	if !known {
		return faultMoreAsked
	}
	return why
}
