package risk

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"github.com/oschwald/maxminddb-golang/v2"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// Files are the paths of what the operator brings. Empty: nothing.
type Files struct {
	Places  string // in MaxMind DB format, as GeoIP2 City or Country has it
	Domains string // domains for addresses to be thrown away, one on each line
}

// Data is what the rules know beside a pool's settings. A nil one knows the
// built-in list of domains.
type Data struct {
	places  *watched[*maxminddb.Reader] // nil: there is no such file
	domains *watched[map[string]bool]   // nil: the built-in list
}

// Open reads the files. Where somebody follows them ([Data.Follow]) they are
// read anew when they change; one that cannot be used then changes nothing, and
// the log says why.
func Open(f Files, log *slog.Logger) (*Data, error) {
	d := new(Data)
	var err error
	if f.Places != "" {
		if d.places, err = watch(f.Places, "file of places", readPlaces, log); err != nil {
			return nil, err
		}
	}
	if f.Domains != "" {
		if d.domains, err = watch(f.Domains, "list of domains", readDomains, log); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// lookEvery is how often the files are looked at.
const lookEvery = 2 * time.Second

// Follow reads the files anew when they change, until ctx ends. It is not done
// where somebody asks, because a large file takes its time.
func (d *Data) Follow(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			d.look()
		}
	}
}

func (d *Data) look() {
	if d.places != nil {
		d.places.look()
	}
	if d.domains != nil {
		d.domains.look()
	}
}

func readPlaces(data []byte) (*maxminddb.Reader, error) {
	r, err := maxminddb.OpenBytes(data)
	if err != nil {
		return nil, fmt.Errorf("it is no file in MaxMind DB format: %w", err)
	}
	return r, nil
}

// PlacesReport is what is in a file of places.
type PlacesReport struct {
	Type  string    // as the file calls itself
	Built time.Time // when it was made
}

// ExaminePlaces reads a whole file of places, which takes seconds for a large
// one, and says what is wrong with it.
func ExaminePlaces(path string) (PlacesReport, error) {
	r, err := readFile(path, "file of places", readPlaces)
	if err != nil {
		return PlacesReport{}, err
	}
	report := PlacesReport{Type: r.Metadata.DatabaseType, Built: r.Metadata.BuildTime().UTC()}
	if err := r.Verify(); err != nil {
		return report, fmt.Errorf("the file of places %s is damaged: %w", path, err)
	}
	return report, nil
}

// ExamineDomains reads a list of domains and returns how many it names.
func ExamineDomains(path string) (int, error) {
	all, err := readFile(path, "list of domains", readDomains)
	return len(all), err
}

// record is what is read of an entry of a file of places.
type record struct {
	Country struct {
		Code  string            `maxminddb:"iso_code"`
		Names map[string]string `maxminddb:"names"`
	} `maxminddb:"country"`
	City struct {
		Names map[string]string `maxminddb:"names"`
	} `maxminddb:"city"`
	Postal struct {
		Code string `maxminddb:"code"`
	} `maxminddb:"postal"`
	Location struct {
		Latitude  *float64 `maxminddb:"latitude"`
		Longitude *float64 `maxminddb:"longitude"`
		Radius    uint16   `maxminddb:"accuracy_radius"`
	} `maxminddb:"location"`
}

// Place returns where an address is. Where that is not known, unknown says why
// in a sentence.
func (d *Data) Place(address string) (place core.Place, unknown string) {
	if d == nil || d.places == nil {
		return core.Place{}, "The server has no file of places."
	}
	asked, err := netip.ParseAddr(address)
	if err != nil {
		return core.Place{}, "This is no address."
	}
	var r record
	result := d.places.get().Lookup(asked.Unmap().WithZone(""))
	if err := errors.Join(result.Err(), result.Decode(&r)); err != nil {
		return core.Place{}, "The file of places cannot be read at this address."
	}
	if code := r.Country.Code; len(code) != 2 || strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return core.Place{}, "The file of places does not know the country of this address."
	}
	place = core.Place{Country: r.Country.Code, Name: r.Country.Names["en"], City: r.City.Names["en"], Postal: r.Postal.Code}
	if lat, long := r.Location.Latitude, r.Location.Longitude; lat != nil && long != nil && within(*lat, 90) && within(*long, 180) {
		place.Located, place.Latitude, place.Longitude, place.Radius = true, *lat, *long, int(r.Location.Radius)
	}
	return place, ""
}

// within is false for what is no number.
func within(degrees, most float64) bool { return -most <= degrees && degrees <= most }

//go:embed disposable.txt
var disposable []byte

// Disposable reports whether addresses of a domain, or of one that it is below,
// are made to be thrown away.
func (d *Data) Disposable(domain string) bool {
	listed := builtin
	if d != nil && d.domains != nil {
		listed = func(name string) bool { return d.domains.get()[name] }
	}
	for name, more := domain, true; more; _, name, more = strings.Cut(name, ".") {
		if listed(name) {
			return true
		}
	}
	return false
}

func builtin(name string) bool {
	for line := range strings.Lines(string(disposable)) {
		if strings.TrimSpace(line) == name {
			return true
		}
	}
	return false
}

// readDomains reads one domain on each line; a line may be empty, or begin with
// # and say something.
func readDomains(data []byte) (map[string]bool, error) {
	all := make(map[string]bool)
	n := 0
	for line := range strings.Lines(string(data)) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, ok := core.ParseDomain(line)
		if !ok {
			return nil, fmt.Errorf("line %d is no domain such as example.org", n)
		}
		all[name] = true
	}
	if len(all) == 0 {
		return nil, errors.New("it names no domain")
	}
	return all, nil
}
