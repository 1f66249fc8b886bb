package report

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// selections are command lines that select rows.
const selections = `
	lvs -S lv_name=lin
	lvs -S name=lin
	lvs -S 'lv_name = "lin"'
	lvs -S "lv_name='lin'"
	lvs -S lv_name!=lin
	lvs -a -S lv_name=~^l
	lvs -a -S 'lv_name=~"in$"'
	lvs -a -S 'lv_name=~[lin]'
	lvs -a -S 'lv_name=~(lin|st)'
	lvs -a -S 'lv_name=~{lin|st}'
	lvs -a -S 'lv_name=~l.n'
	lvs -a -S 'lv_name=~lin|off'
	lvs -a -S 'lv_name!~i'
	lvs -a -S 'lv_name=~"^[a-o]+$"'
	lvs -a -S 'lv_name=lin||lv_name=st'
	lvs -a -S 'lv_name=lin # lv_name=off'
	lvs -a -S 'lv_name=lin, vg_name=v'
	lvs -a -S 'lv_name=lin && vg_name=v'
	lvs -a -S '!(lv_name=lin)'
	lvs -a -S '(lv_name=lin || lv_name=off) && lv_size>4m'
	lvs -a -S '(lv_name=lin)'
	lvs -a -S '((lv_name=lin)||(lv_name=off&&lv_size=4m))'
	lvs -a -S 'lv_name=lin || lv_name=off && lv_size=8m'
	lvs -S 'lv_size=8'
	lvs -S 'lv_size=8m'
	lvs -S 'lv_size=8M'
	lvs -S 'lv_size=8192k'
	lvs -S 'lv_size=8388608b'
	lvs -S 'lv_size=16384s'
	lvs -S 'lv_size=8.00'
	lvs -S 'lv_size!=8m'
	lvs -S 'lv_size>=8m'
	lvs -S 'lv_size<8m'
	lvs -S 'lv_size<=8m'
	lvs -S 'lv_size<0.01g'
	lvs -S 'lv_size>4.5m'
	lvs -S 'seg_count=1'
	lvs -S 'seg_count>1'
	lvs -S 'seg_count!=2'
	lvs -S 'lv_major=-1'
	lvs -S 'lv_major=undefined'
	lvs -S 'lv_minor=undef'
	lvs -S 'lv_minor!=-1'
	lvs -S 'lv_minor>0'
	lvs -S 'lv_minor<100'
	lvs -S 'lv_kernel_minor>=0'
	lvs -S 'lv_kernel_minor=-1'
	lvs -S 'data_percent>=0'
	lvs -S 'lv_tags=x'
	lvs -S 'lv_tags!=x'
	lvs -S 'tags=""'
	lvs -S 'tags!=""'
	lvs -S 'lv_tags={x}'
	lvs -S 'lv_tags=[x]'
	lvs -S 'lv_tags={x,y}'
	lvs -S 'lv_tags={y,x}'
	lvs -S 'lv_tags={x||y}'
	lvs -S 'lv_tags={x || z}'
	lvs -S 'lv_tags={x # z}'
	lvs -S 'lv_tags=[x,y]'
	lvs -S 'lv_tags=["y","x"]'
	lvs -S 'lv_tags=[x||z]'
	lvs -S 'lv_tags=[x&&y]'
	lvs -S 'lv_tags=[]'
	lvs -S 'lv_tags={}'
	lvs -S 'lv_tags!={x,y}'
	lvs -S 'lv_tags!=[x]'
	lvs -a -S 'lv_role=public'
	lvs -a -S 'lv_role!=public'
	lvs -a -S 'lv_layout=[linear]'
	lvs -S 'lv_fixed_minor=1'
	lvs -S 'lv_fixed_minor=0'
	lvs -S 'lv_fixed_minor=yes'
	lvs -S 'lv_fixed_minor="fixed minor"'
	lvs -S 'lv_fixed_minor=no'
	lvs -S 'lv_active=active'
	lvs -S 'lv_active=""'
	lvs -S 'lv_active_locally=yes'
	lvs -S 'lv_active_locally="active locally"'
	lvs -S 'lv_active_locally=1'
	lvs -S 'lv_autoactivation=1'
	lvs -S 'lv_name='
	lvs -S 'seg_count=1.5'
	lvs -S 'seg_count= 1'
	lvs -S 'data_percent<10%'
	lvs -S 'lv_skip_activation=skip'
	lvs -S 'lv_skip_activation="skip activation"'
	lvs -S 'zero=unknown'
	lvs -S 'zero=-1'
	lvs -S 'lv_suspended=0'
	lvs -S 'lv_suspended=unknown'
	lvs -S 'lv_permissions=read-only'
	lvs -S 'lv_permissions=ro'
	lvs -S 'lv_permissions=r'
	lvs -S 'lv_permissions=rw'
	lvs -S 'lv_permissions=writeable'
	lvs -S 'lv_permissions=unknown'
	lvs -S 'lv_read_ahead=auto'
	lvs -S 'lv_read_ahead>0'
	lvs -S 'lv_allocation_policy=inherit'
	lvs -S 'vg_permissions=rw'
	lvs -S 'lv_attr=~a'
	vgs -S 'vg_extendable=yes'
	vgs -S 'vg_extendable=extendable'
	vgs -S 'vg_extendable=1'
	vgs -S 'vg_exported=no'
	vgs -S 'vg_exported=0'
	vgs -S 'vg_mda_copies=unmanaged'
	vgs -S 'vg_mda_copies=0'
	vgs -S 'vg_mda_copies>0'
	vgs -S 'vg_tags={a,b}'
	vgs -S 'lv_name=lin'
	vgs -S 'pv_count>1'
	vgs -S 'pv_name=~loop'
	vgs -S 'vg_free>100m'
	pvs -S 'vg_name=v'
	pvs -S 'vg_name=""'
	pvs -S 'pv_allocatable=yes'
	pvs -S 'pv_in_use=used'
	pvs -S 'pv_in_use="in use"'
	pvs -S 'pv_in_use=no'
	pvs -S 'lv_name=lin'
	pvs -S 'pv_free>50m' -o name
	pvs --segments -S 'segtype=free'
	lvs -o lv_name,selected -S 'lv_name=lin'
	lvs -o lv_name,selected
	lvs -o lv_name -S 'selected=1'
	lvs -S 'lv_name=nothing'
	lvs --reportformat json -S lv_name=nothing
	lvs --nameprefixes -S 'lv_name=lin'
	lvs -S 'lv_time since "2015-01-01"' -o name
	lvs -S 'lv_time>="2015-01"' -o name
	lvs -S 'lv_time>=2015' -o name
	lvs -S 'lv_time until 2015' -o name
	lvs -S 'lv_time after "2015-07-07 10:20:30 +0200"' -o name
	lvs -S 'lv_time after "2015-07-07 10:20"' -o name
	lvs -S 'lv_time before "2015-07-07 10:20:30"' -o name
	lvs -S 'lv_time<@1436262520' -o name
	lvs -S 'lv_time>@1436262520' -o name
	lvs -S 'lv_time=today' -o name
	lvs -S 'lv_time=yesterday' -o name
	lvs -S 'lv_time since today' -o name
	lvs -S 'lv_time since yesterday' -o name
	lvs -S 'lv_time since "2 days ago"' -o name
	lvs -S 'lv_time until "2 days ago"' -o name
	lvs -S 'lv_time since "1 hour ago"' -o name
	lvs -S 'lv_time before "1 hour ago"' -o name
	lvs -S 'lv_time since "1 week 2 days ago"' -o name
	lvs -S 'lv_time since "5 mins ago"' -o name
	lvs -S 'lv_time since "1 year 3 months ago"' -o name
	lvs -S 'lv_time until "2 hrs ago"' -o name
	lvs -S 'time since "1 week ago"' -o name
	lvs -H -S 'lv_time_removed since "1 week ago"' -o name
`

// mistakes are command lines that cannot be done.
const mistakes = `
	lvs -o nosuch
	lvs -o lv_name,nosuch,vg_name
	lvs -o vg
	lvs -o start
	lvs --segments -o name
	lvs -o help
	lvs -o+help
	lvs -o ?
	lvs -o name,help
	lvs -o ''
	lvs -O nosuch
	lvs -O +
	lvs -O all
	lvs -S help
	lvs -S '?'
	lvs -S nosuch=1
	lvs -S 'lv_name=1 &&'
	lvs -S 'lv_size>abc'
	lvs -S 'lv_size=8x'
	lvs -S 'lv_name>abc'
	lvs -S 'lv_name<=abc'
	lvs -S 'lv_tags>x'
	lvs -S 'lv_size=~8'
	lvs -S 'lv_tags=~x'
	lvs -S 'lv_tags!~x'
	lvs -S 'seg_count=~8'
	lvs -S 'lv_time=~8'
	lvs -S 'lv_name=~[ab'
	lvs -S 'lv_name="ab'
	lvs -S 'lv_name=~'
	lvs -S 'seg_count=1x'
	lvs -S 'seg_count="1"'
	lvs -S 'data_percent=undef'
	lvs -S 'lv_autoactivation=enabled'
	lvs -S 'lv_tags=['
	lvs -S 'lv_tags=[x y]'
	lvs -S 'lv_all=1'
	lvs -S 'lv_time="2015-01-01 25:00"'
	lvs -S 'lv_time=""'
	lvs -S '(lv_name=a'
	lvs -S 'lv_name=a)'
	lvs -S '!lv_name=a'
	lvs -S 'lv_name'
	lvs -S 'lv_name lv_size'
	lvs -S 'lv_name=a lv_size=1'
	lvs -S '='
	lvs -S '&&'
	lvs -S 'seg_count=x'
	lvs -S 'seg_count=-2'
	lvs -S 'seg_count=1.5'
	lvs -S 'data_percent=x'
	lvs -S 'data_percent=101'
	lvs -S 'data_percent>10.5'
	lvs -S 'lv_time=nonsense'
	lvs -S 'lv_time since 2015-13'
	lvs -S 'lv_time since now'
	lvs -S 'lv_time since "10:00"'
	lvs -S 'lv_time since 15'
	lvs -S 'lv_tags=[x'
	lvs -S 'lv_tags=[x,'
	lvs -S 'lv_tags={x,y||z}'
	lvs -S 'lv_tags=[x}'
	lvs -S 'lv_fixed_minor=perhaps'
	lvs -S 'lv_active_locally=y'
	lvs -S 'pv_name=x'
	lvs -o+pv_name
	lvs -o+pvseg_start
	lvs --segments -o+pv_name
	vgs -o pv_count,pv_name,lv_name
	vgs -o pvseg_start,lv_name
	lvs -S 'selected=2'
	lvs -S 'help=1'
`

// mistake compares what is said on stderr.
func (w *world) mistake(line string) {
	w.Helper()
	var theirs strings.Builder
	cmd := exec.Command("lvm", split(line)...)
	cmd.Stderr = &theirs
	_ = cmd.Run() // it fails
	c, err := parseLine(split(line))
	require.NoError(w, err, line)
	var out, ours strings.Builder
	if err = Run(&out, w.source(c.names), c.reports[0], c.o); err != nil && Help(&ours, c.reports[0].Kind, err) {
		for l := range strings.SplitSeq(err.Error(), "\n") {
			ours.WriteString("  " + l + "\n")
		}
	}
	if d := difference(theirs.String(), ours.String()); d != "" {
		assert.Fail(w, "what is said differs", line+d)
	}
}

func TestKernelSelections(t *testing.T) {
	w := newWorld(t, 3, 64<<20)
	w.run("pvcreate " + w.disks[2])
	w.run("vgcreate -s 1M --addtag b --addtag a v " + w.disks[0] + " " + w.disks[1])
	w.run("lvcreate -y -L8M --addtag x --addtag y -n lin v; lvcreate -y -i2 -L8M -My --major 254 --minor 77 -n st v; lvcreate -an -y -L4M --addtag x -pr -ky -n off v")
	w.compare(selections)
	for line := range strings.Lines(mistakes) {
		if line = strings.TrimSpace(line); line != "" {
			w.mistake(line)
		}
	}
}
