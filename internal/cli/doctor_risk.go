package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/risk"
)

// stalePlaces is how old a file of places may become: networks change hands.
const stalePlaces = 90 * 24 * time.Hour

// examinePlaces looks at what the rules about where somebody comes from are
// told by files.
func examinePlaces(_ context.Context, x *exam) finding {
	if x.config == nil {
		return notLooked("there is no configuration")
	}
	domains := "the built-in list of disposable domains"
	if path := x.config.DisposableFile; path != "" {
		n, err := risk.ExamineDomains(path)
		if err != nil {
			return finding{State: failing, Found: sentence(err), Remedy: "Correct the file, or GATEHOUSE_DISPOSABLE_DOMAINS: a server does not start with it."}
		}
		domains = fmt.Sprintf("%d disposable domains from %s", n, path)
	}
	path := x.config.GeoIPFile
	if path == "" {
		return finding{State: fine, Found: "no file of places, so no rule about countries or travel applies; " + domains}
	}
	report, err := risk.ExaminePlaces(path)
	if err != nil {
		return finding{State: failing, Found: sentence(err), Remedy: "Download the file again, or correct GATEHOUSE_GEOIP_FILE: a server may not start with it."}
	}
	f := finding{State: fine, Found: fmt.Sprintf("%s, made %s; %s", report.Type, report.Built.Format(time.DateOnly), domains)}
	if time.Since(report.Built) > stalePlaces {
		f.State, f.Remedy = doubt, "Bring a newer file: addresses change hands. It is read anew when it changes."
	}
	return f
}
