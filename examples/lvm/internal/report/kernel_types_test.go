package report

import (
	"strings"
	"testing"
)

// types is how volumes of all types are compared. ALL is all fields of volumes but
// one: of a thin pool's device, lvm2 does not look how far the kernel reads ahead if
// it reports its status too.
const types = `
	lvs -a
	lvs -a -v
	lvs -a --segments -v
	lvs -a -o ALL
	lvs -a -o name,seg_all
	lvs -a -o lv_name,lv_parent,lv_layout,lv_role
	lvs -a -o+devices,metadata_devices,seg_pe_ranges,seg_le_ranges,seg_metadata_le_ranges
	lvs -a --units s --nosuffix -o name,chunk_size,region_size,stripe_size,seg_start,seg_size,lv_metadata_size,origin_size
	lvs -a --reportformat json -o ALL
	lvs -a --reportformat json --segments -o seg_all,lv_name
	lvs -a --binary -o name,zero,lv_check_needed,lv_merge_failed,lv_snapshot_invalid,lv_initial_image_sync,lv_image_synced
	lvs --nameprefixes --noheadings -o lv_name,copy_percent,snap_percent,data_percent,metadata_percent,selected
	lvs -a -o name -S 'lv_role=[private,thin,pool,data]'
	lvs -a -o name,lv_layout -S 'lv_layout={raid}'
	lvs -a -o name -S 'lv_layout={thin || cache}'
	lvs -a -o name -S 'segtype=~raid'
	lvs -a -o name,data_percent -S 'data_percent>=0'
	lvs -a -o name,copy_percent -S 'copy_percent=100'
	lvs -a -o name -S 'zero=1'
	lvs -a -o name -S 'zero=yes && thin_id>0'
	lvs -a -o name -S 'origin!="" || pool_lv!=""'
	lvs -a -o name -S 'lv_modules={raid}'
	lvs -a -o name -S 'lv_parent=tp'
	lvs -o name,lv_ancestors,lv_descendants
	vgs -v
	vgs -o all
	pvs -o pv_name,pv_used,lv_name,segtype,seg_pe_ranges
	pvs --segments -o all
	pvs --segments -v -o+lv_name,lv_attr,lv_size
`

func TestKernelReportsOfTypes(t *testing.T) {
	w := newWorld(t, 6, 256<<20)
	w.run("vgcreate -s 1M v " + w.disks[0] + " " + w.disks[1] + " " + w.disks[2] + " " + w.disks[3] + " " + w.disks[4] + " " + w.disks[5])
	w.run("lvcreate -y -L8M -n lin v; lvcreate -y -i2 -L8M -n st v; lvextend -i2 -L+8M v/lin; lvcreate -y --type zero -L8M -n z v")
	w.run("lvcreate -an -y --type raid1 -m1 -L8M -n r1 v; lvcreate -y --type raid5 -i2 -L16M -n r5 v; lvcreate -y --type raid0 -i2 -L8M -n r0 v; lvcreate -y --type raid10 -i2 -m1 -L16M -n r10 v")
	w.run("lvcreate -y --type raid1 -m1 --raidintegrity y -L8M -n ri v; lvcreate -y --type mirror -m1 -L8M -n m1 v")
	w.run("lvcreate -y --type thin-pool -L32M -n tp v; lvcreate -y -V 16M --thinpool tp -n t1 v; lvcreate -y -s -n ts v/t1; lvcreate -y -s -L4M -n thick v/st")
	w.run("lvcreate -y -L16M -n org v; lvcreate -y --type cache-pool -L16M -n cp v; lvconvert -y --type cache --cachepool v/cp v/org")
	w.run("lvcreate -y -L16M -n wo v; lvcreate -an -y -L16M -n wf v; lvconvert -y --type writecache --cachevol v/wf v/wo; lvcreate -y -s -L4M -n sn v/lin")
	var names []string
	for _, s := range sections() {
		for _, f := range s.fields {
			if s.section&anyLV != 0 && f.name != "lv_kernel_read_ahead" {
				names = append(names, f.name)
			}
		}
	}
	lines := strings.ReplaceAll(types, "ALL", strings.Join(names, ","))
	w.settle()
	w.compare(lines)
	w.run("vgchange -an v")
	w.compare(lines + "lvs -a -o all\n")
}

// states are compared of groups in states that are not usual.
const states = `
	lvs -a
	vgs
	pvs -a
	lvs -a -o+lv_health_status,devices
	vgs -o+vg_partial,vg_exported,vg_missing_pv_count,vg_tags
	pvs -o+pv_missing,pv_uuid,vg_uuid
	pvs -o name
	pvs -o name,uuid,size
	pvs -o+lv_name
	pvs --segments
	vgs -o vg_name,pv_name
	lvs -S 'vg_partial=partial'
	pvs -S 'pv_missing=missing'
	vgs -S 'vg_exported=yes'
	lvs --reportformat json -o name,devices
	fullreport
`

func TestKernelReportsOfStates(t *testing.T) {
	w := newWorld(t, 4, 64<<20)
	w.run("vgcreate -s 1M v " + w.disks[0] + " " + w.disks[1] + "; vgcreate -s 2M w " + w.disks[2] + "; pvcreate " + w.disks[3])
	w.run("lvcreate -y -L8M -n lin v; lvcreate -y -i2 -L8M -n st v; lvcreate -y --type raid1 -m1 -L4M -n r v; lvcreate -an -L4M -n one w")
	w.settle()
	w.compare(states)
	w.run("vgexport w")
	w.compare(states)
	w.run("vgimport w")
	w.lose(w.disks[1])
	w.compare(states)
}

func TestKernelReportsOfHistory(t *testing.T) {
	w := newWorld(t, 1, 64<<20)
	w.run("vgcreate -s 1M v " + w.disks[0])
	w.run("lvcreate -qq -y --type thin-pool -L32M -n tp v; lvcreate -qq -y -V 16M --thinpool tp -n t1 v; lvcreate -qq -y -s -n ts v/t1; lvcreate -qq -y -s -n tx v/ts")
	w.run("lvremove -y --config metadata/record_lvs_history=1 v/ts; lvremove -y --config metadata/record_lvs_history=1 v/t1")
	w.compare(`
	lvs -H
	lvs -a -H
	lvs
	lvs -H --segments
	lvs -H -o name,lv_historical,full_ancestors,full_descendants,ancestors,descendants,time_removed,time,uuid
	lvs -H -S 'lv_historical=1'
	lvs -H -o name -S 'lv_time_removed since "1 week ago"'
	lvs -H -O lv_uuid -o lv_uuid,lv_name
	`)
}
