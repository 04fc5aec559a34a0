package pangea

import (
	"strings"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/session"
)

// The vendor's prefixes. Behind them stands the same tail as behind ours.
const (
	prefixRequest = "prq_"
	prefixFlow    = "pfl_"
	prefixUser    = "pui_"
	prefixTokenID = "pmt_" // of a session and of a token alike
	prefixCode    = "pmc_"
	prefixState   = "pcb_"
	prefixInvite  = "pmi_"
	prefixText    = "peu_" // of an agreement of either kind
	prefixFactor  = "pau_"
	prefixGroup   = "pgi_"
	prefixImport  = "pum_"
	prefixSource  = "pus_"
	prefixUserTok = "ptu_"
	prefixRefresh = "ptr_"
	prefixService = "pts_"
	prefixClient  = "pcl_"
	prefixApp     = "psa_" // an application, which its clients know as client_id
	prefixSecret  = "pck_" // what it proves with who it is
	prefixAppTok  = "pti_" // its own token, which stands for no person
)

// show spells an id with the vendor's prefix.
func show[ID ~string](prefix string, id ID) string { return prefix + core.Tail(id) }

// read takes the vendor's prefix off. Without it the text is no such id or
// secret, and what is returned matches nothing.
func read(prefix, text string) string {
	tail, ok := strings.CutPrefix(text, prefix)
	if !ok {
		return ""
	}
	return tail
}

// ReadUserToken reads a person's token: an opaque one has the vendor's prefix,
// a signed one has none. What is neither stands for nothing.
func ReadUserToken(text string) string {
	if tail := read(prefixUserTok, text); secret.IsText(tail) {
		return tail
	}
	if session.LooksSigned(text) {
		return text
	}
	return ""
}

// userID reads a person's id. The vendor's pattern is wide; what is not an id
// of ours names nobody.
func userID(text string) core.UserID {
	if tail, ok := strings.CutPrefix(text, prefixUser); ok {
		return core.UserID("usr_" + tail)
	}
	return core.UserID("usr_?" + text)
}

// sessionID reads a session's id.
func sessionID(text string) core.SessionID { return core.SessionID("ses_" + read(prefixTokenID, text)) }

// agreementID reads an agreement's id.
func agreementID(text string) core.AgreementID {
	return core.AgreementID("agr_" + read(prefixText, text))
}

// groupID reads a group's id.
func groupID(text string) core.GroupID { return core.GroupID("grp_" + read(prefixGroup, text)) }

// importID reads an import's id.
func importID(text string) core.ImportID { return core.ImportID("imp_" + read(prefixImport, text)) }

// sourceID reads the id of an uploaded file.
func sourceID(text string) core.ImportSourceID {
	return core.ImportSourceID("src_" + read(prefixSource, text))
}

// flowID reads a flow's id.
func flowID(text string) core.FlowID { return core.FlowID("flw_" + read(prefixFlow, text)) }

// ServiceToken spells a service key as applications hold it.
func ServiceToken(key string) string { return prefixService + key }

// ClientToken spells a client key as applications hold it.
func ClientToken(key string) string { return prefixClient + key }

// ReadKey takes apart an API key as applications hold it.
func ReadKey(token string) (kind core.KeyKind, text string, ok bool) {
	if text, ok := strings.CutPrefix(token, prefixService); ok {
		return core.KeyService, text, true
	}
	if text, ok := strings.CutPrefix(token, prefixClient); ok {
		return core.KeyClient, text, true
	}
	return "", "", false
}

// UserID spells a person's id as applications hold it.
func UserID(id core.UserID) string { return show(prefixUser, id) }

// SessionID spells a session's id as applications hold it.
func SessionID(id core.SessionID) string { return show(prefixTokenID, id) }

// LoginCode spells a login code as it travels through the browser.
func LoginCode(code string) string { return prefixCode + code }

// LinkState spells the state by which an application recognises a link.
func LinkState(state string) string { return prefixState + state }
