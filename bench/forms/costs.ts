/** The private work of a fault, by the names that the kernel text gives it. */
import { work } from '../../src/machine/work.ts';

export const FAULT_ENTRY = work('page_fault_entry');
export const FAULT_EXIT = work('page_fault_exit');
export const FAULT_RESTART = work('instruction_restart');
export const TOUCH = work('user_touch');
export const HANDLE_MM_FAULT = work('handle_mm_fault');
export const PMD_ALLOC = work('pmd_alloc_one');
export const PTE_ALLOC = work('pte_alloc_one');
export const ANON_VMA_ALLOC = work('anon_vma_alloc');
export const SET_ANON_PTE = work('set_anon_pte');
export const BUFFERED_RMQUEUE = work('buffered_rmqueue');
export const PAGEVEC_ADD = work('pagevec_add');
export const ADD_PAGE_TO_ACTIVE_LIST = work('add_page_to_active_list');
